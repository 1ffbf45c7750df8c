using SpmdDbrx.Compute;
using SpmdDbrx.Engine.Session;

namespace SpmdDbrx.Engine.Experts;

/// <summary>The consistency check that rides in the tail of every all-reduce (MECHANISMS §5): each rank writes its input token and its
/// mask of selected experts into its own slot, so that after the sum every rank sees every rank's decision, exactly.</summary>
/// <remarks>Masks travel 16 experts a float and token ids in two halves: below 2^16, exact in float32.</remarks>
public sealed class RoutingCheck
{
    private const int BitsPerFloat = 16;
    private readonly int rank;
    private readonly int worldSize;
    private readonly int expertCount;
    private readonly int slotFloats;

    /// <param name="rank">This rank.</param>
    /// <param name="worldSize">Ranks.</param>
    /// <param name="expertCount">Experts of a layer.</param>
    public RoutingCheck(int rank, int worldSize, int expertCount)
    {
        this.rank = rank;
        this.worldSize = worldSize;
        this.expertCount = expertCount;
        slotFloats = 2 + ((expertCount + BitsPerFloat - 1) / BitsPerFloat);
    }

    /// <summary>Floats the check takes for a batch.</summary>
    public int FloatCount(int tokenCount) => tokenCount * worldSize * slotFloats;

    /// <summary>Writes this rank's slots and zeros the others'.</summary>
    /// <param name="tail">[tokens, ranks, slot].</param>
    /// <param name="routing">This rank's choice.</param>
    /// <param name="tokens">The batch's input tokens.</param>
    public void Write(Span<float> tail, Routing routing, ReadOnlySpan<int> tokens)
    {
        tail.Clear();
        ReadOnlySpan<int> experts = routing.Experts;
        for (int token = 0; token < tokens.Length; token++)
        {
            Span<float> slot = Slot(tail, token, rank);
            slot[0] = tokens[token] & 0xFFFF;
            slot[1] = tokens[token] >> BitsPerFloat;
            foreach (int expert in experts.Slice(token * routing.TopK, routing.TopK))
                slot[2 + (expert / BitsPerFloat)] += 1 << (expert % BitsPerFloat);
        }
    }

    /// <summary>Compares all ranks' slots; every rank sees the same sums, so every rank throws or none does.</summary>
    /// <exception cref="RankDisagreementException">Two ranks differ: names layer, position, ranks and what they chose.</exception>
    public void Verify(Span<float> tail, ReadOnlySpan<int> tokens, int layer, int position)
    {
        for (int token = 0; token < tokens.Length; token++)
        {
            ReadOnlySpan<float> first = Slot(tail, token, 0);
            for (int other = 1; other < worldSize; other++)
            {
                if (!first.SequenceEqual(Slot(tail, token, other)))
                    throw Disagreement(first, Slot(tail, token, other), other, layer, position + token);
            }
        }
    }

    private Span<float> Slot(Span<float> tail, int token, int ofRank) =>
        tail.Slice(((token * worldSize) + ofRank) * slotFloats, slotFloats);

    private RankDisagreementException Disagreement(ReadOnlySpan<float> first, ReadOnlySpan<float> second, int other, int layer, int position) =>
        new($"all-reduce of layer {layer}, position {position}: rank 0 has {Describe(first)}, rank {other} has {Describe(second)}; "
            + "the replicas' arithmetic differs: run the same build on the same kind of processor on every rank");

    private string Describe(ReadOnlySpan<float> slot)
    {
        List<int> experts = [];
        for (int expert = 0; expert < expertCount; expert++)
        {
            if ((((int)slot[2 + (expert / BitsPerFloat)]) >> (expert % BitsPerFloat) & 1) == 1)
                experts.Add(expert);
        }
        return $"token {((int)slot[1] << BitsPerFloat) + (int)slot[0]} and experts {string.Join(',', experts)}";
    }
}
