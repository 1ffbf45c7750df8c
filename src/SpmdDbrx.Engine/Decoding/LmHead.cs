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
    /// <summary>Rows that stay together: a multiple of the eight or two that the CPU takes at once. What is left it takes one by one, which rounds otherwise: so every
    /// row meets the same kernel on any number of ranks, and the logits have the bits of one rank alone.</summary>
    private const int RowGroup = 16;

    /// <summary>Floats behind a rank's logits for its <see cref="State"/>: a cache line.</summary>
    private const int StateFloats = 16;

    private readonly IDevice device;
    private readonly WeightMatrix weights;
    private readonly Intracommunicator? ranks;
    private readonly Activations part;
    private readonly Activations parts;
    private readonly int worldRank;

    /// <param name="device">Multiplies.</param>
    /// <param name="weights">[vocabulary, D].</param>
    /// <param name="ranks">The ranks that share out the vocabulary, this one among them; null = this rank computes all.</param>
    /// <param name="part">What this rank computes, [1, <see cref="PartLength"/>]; without meaning without ranks.</param>
    /// <param name="parts">What all of them did, [ranks, <see cref="PartLength"/>]; likewise.</param>
    /// <param name="worldRank">This rank's number among all, for messages.</param>
    public LmHead(IDevice device, WeightMatrix weights, Intracommunicator? ranks, Activations part, Activations parts, int worldRank)
    {
        this.device = device;
        this.weights = weights;
        this.ranks = ranks;
        this.part = part;
        this.parts = parts;
        this.worldRank = worldRank;
    }

    /// <summary>Floats of a rank's part: its logits, as many on all, so that the last ranks' may end behind the vocabulary, and a mark of its hidden state.</summary>
    /// <param name="vocabularySize">Logits of a token.</param>
    /// <param name="ranks">Ranks that share them out.</param>
    public static int PartLength(int vocabularySize, int ranks)
    {
        int groups = (vocabularySize + RowGroup - 1) / RowGroup;
        return ((groups + ranks - 1) / ranks * RowGroup) + StateFloats;
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
        (int first, int count) = RowsOf(ranks.Rank);
        if (count > 0)
            device.Multiply(normed, weights with { ByteOffset = weights.ByteOffset + (first * weights.RowStrideBytes), Rows = count }, part with { Columns = count });
    }

    /// <summary>Gathers the parts once the device has completed them; all ranks that share them must call this.</summary>
    /// <param name="normed">[tokens, D], as it was multiplied.</param>
    /// <param name="logits">[tokens, vocabulary].</param>
    /// <exception cref="EngineException">The ranks' hidden states differ: on the first of them; the others throw a <see cref="PeerFailedException"/>.</exception>
    public void Gather(Activations normed, Activations logits)
    {
        if (ranks is null || logits.Rows > 1)
            return;
        StateOf(part.Values) = new State(worldRank, XxHash3.HashToUInt64(MemoryMarshal.AsBytes(normed.Values)));
        ranks.Allgather<float>(part.Values, parts.Values);
        for (int rank = 0; rank < ranks.Size; rank++)
        {
            Span<float> gathered = parts.Row(rank);
            if (StateOf(gathered).Hash != StateOf(parts.Row(0)).Hash)
                throw Disagreement(StateOf(parts.Row(0)).Rank, StateOf(gathered).Rank);
            (int first, int count) = RowsOf(rank);
            gathered[..count].CopyTo(logits.Row(0)[first..]);
        }
    }

    /// <summary>The rows that one of the ranks multiplies.</summary>
    private (int First, int Count) RowsOf(int rank)
    {
        int length = part.Columns - StateFloats;
        int first = Math.Min(rank * length, weights.Rows);
        return (first, Math.Min(length, weights.Rows - first));
    }

    private static ref State StateOf(Span<float> part) => ref MemoryMarshal.AsRef<State>(MemoryMarshal.AsBytes(part[^StateFloats..]));

    private EngineException Disagreement(long first, long other) => worldRank == first
        ? new EngineException($"hidden states of the last token: those of rank {first} and rank {other}, which share a host, differ; "
            + "the replicas' arithmetic differs: run the same build, settings and MPI on every rank, and check this machine's memory")
        : new PeerFailedException((int)first, "comparing hidden states");

    /// <param name="Rank">Among all.</param>
    /// <param name="Hash">Of the hidden state that the logits are made of.</param>
    private readonly record struct State(long Rank, ulong Hash);
}
