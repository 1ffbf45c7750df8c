using SpmdDbrx.Compute;
using SpmdDbrx.Mpi;

namespace SpmdDbrx.Engine.Decoding;

/// <summary>Turns hidden states into logits. For a single token the ranks of a host, which share the bandwidth of its memory, multiply a run of the
/// vocabulary each and gather the rest (vocabulary-parallel output, arXiv 1909.08053 §3); every logit is the sum that one rank alone would get.</summary>
/// <remarks>Several tokens share one pass over the weights, so every rank computes them whole.</remarks>
/// <param name="device">Multiplies.</param>
/// <param name="weights">[vocabulary, D].</param>
/// <param name="host">The ranks that share out the vocabulary: those of this host, or this one alone.</param>
/// <param name="part">This rank's logits before they are gathered, [1, <see cref="PartLength"/>]; null = this rank computes all.</param>
public sealed class LmHead(IDevice device, WeightMatrix weights, Intracommunicator host, Activations? part)
{
    /// <summary>Rows that stay together: devices take up to so many at once, and single ones, left over, in another order of summation.</summary>
    private const int RowGroup = 16;

    /// <summary>Logits of a rank: the same number on all, so that the last ones may end behind the vocabulary.</summary>
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
        if (part is not { } own || logits.Rows > 1)
        {
            device.Multiply(normed, weights, logits);
            return;
        }
        int first = Math.Min(host.Rank * own.Columns, weights.Rows);
        int count = Math.Min(own.Columns, weights.Rows - first);
        if (count > 0)
            device.Multiply(normed, weights with { ByteOffset = weights.ByteOffset + (first * weights.RowStrideBytes), Rows = count }, own with { Columns = count });
    }

    /// <summary>Gathers the parts once the device has completed them; every rank of the host must call this.</summary>
    /// <param name="logits">[tokens, vocabulary], followed by room for the parts' common length.</param>
    public void Gather(Activations logits)
    {
        if (part is not { } own || logits.Rows > 1)
            return;
        host.Allgather<float>(own.Values, logits.Buffer.Span<float>(logits.ByteOffset, own.Columns * host.Size));
    }
}
