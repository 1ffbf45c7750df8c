using System.IO.Hashing;
using System.Runtime.InteropServices;
using SpmdDbrx.Compute;
using SpmdDbrx.Engine.Session;
using SpmdDbrx.Mpi;

namespace SpmdDbrx.Engine.Decoding;

/// <summary>Turns hidden states into logits. For a single token the ranks of a host, which share the bandwidth of its memory, multiply a run of the
/// vocabulary each and gather the rest (vocabulary-parallel output, arXiv 1909.08053 §3).</summary>
/// <remarks>Several tokens share one pass over the weights, so every rank computes them whole.</remarks>
public sealed class LmHead
{
    /// <summary>Rows that stay together. The CPU takes eight at once and what is left one by one, which rounds otherwise: so every
    /// row meets the same kernel on any number of ranks, and the logits have the bits of one rank alone.</summary>
    private const int RowGroup = 16;

    private readonly IDevice device;
    private readonly WeightMatrix weights;
    private readonly Intracommunicator? ranks;
    private readonly Activations part;
    private readonly int worldRank;
    private readonly State[] states;

    /// <param name="device">Multiplies.</param>
    /// <param name="weights">[vocabulary, D].</param>
    /// <param name="ranks">The ranks that share out the vocabulary, this one among them; null = this rank computes all.</param>
    /// <param name="part">This rank's logits before they are gathered, [1, <see cref="PartLength"/>]; without meaning without ranks.</param>
    /// <param name="worldRank">This rank's number among all, for messages.</param>
    public LmHead(IDevice device, WeightMatrix weights, Intracommunicator? ranks, Activations part, int worldRank)
    {
        this.device = device;
        this.weights = weights;
        this.ranks = ranks;
        this.part = part;
        this.worldRank = worldRank;
        states = new State[ranks?.Size ?? 0];
    }

    /// <summary>Logits of a rank: the same number on all, so that the last ranks' may end behind the vocabulary.</summary>
    /// <param name="vocabularySize">Logits of a token.</param>
    /// <param name="ranks">Ranks that share them out.</param>
    public static int PartLength(int vocabularySize, int ranks)
    {
        int groups = (vocabularySize + RowGroup - 1) / RowGroup;
        return (groups + ranks - 1) / ranks * RowGroup;
    }

    /// <summary>Starts logits = weights · normed, or this rank's part of it.</summary>
    /// <param name="normed">[tokens, D].</param>
    /// <param name="logits">[tokens, vocabulary].</param>
    public void Start(Activations normed, Activations logits)
    {
        if (ranks is null || logits.Rows > 1)
        {
            device.Multiply(normed, weights, logits);
            return;
        }
        int first = Math.Min(ranks.Rank * part.Columns, weights.Rows);
        int count = Math.Min(part.Columns, weights.Rows - first);
        if (count > 0)
            device.Multiply(normed, weights with { ByteOffset = weights.ByteOffset + (first * weights.RowStrideBytes), Rows = count }, part with { Columns = count });
    }

    /// <summary>Gathers the parts once the device has completed them; all ranks that share them must call this.</summary>
    /// <param name="normed">[tokens, D], as it was multiplied.</param>
    /// <param name="logits">[tokens, vocabulary], followed by room for what ends behind the vocabulary.</param>
    /// <exception cref="EngineException">The ranks' hidden states differ: on the first of them; the others throw a <see cref="PeerFailedException"/>.</exception>
    public void Gather(Activations normed, Activations logits)
    {
        if (ranks is null || logits.Rows > 1)
            return;
        ReadOnlySpan<State> own = [new State(worldRank, XxHash3.HashToUInt64(MemoryMarshal.AsBytes(normed.Values)))];
        ranks.Allgather(own, states.AsSpan());
        foreach (State state in states)
        {
            if (state.Hash != states[0].Hash)
                throw Disagreement(state.Rank);
        }
        ranks.Allgather<float>(part.Values, logits.Buffer.Span<float>(logits.ByteOffset, part.Columns * ranks.Size));
    }

    private EngineException Disagreement(long other) => worldRank == states[0].Rank
        ? new EngineException($"hidden states of the last token: those of rank {worldRank} and rank {other}, which share a host, differ; "
            + "the replicas' arithmetic differs: check this machine's memory")
        : new PeerFailedException((int)states[0].Rank, "comparing hidden states");

    /// <param name="Rank">Among all.</param>
    /// <param name="Hash">Of the hidden state that the logits are made of.</param>
    private readonly record struct State(long Rank, ulong Hash);
}
