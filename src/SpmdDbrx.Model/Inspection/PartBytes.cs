namespace SpmdDbrx.Model.Inspection;

/// <summary>Bytes of weights by what they do, without padding.</summary>
public sealed record PartBytes(long Embedding, long Attention, long Norms, long Routers, long Experts, long LmHead)
{
    /// <summary>What every rank holds.</summary>
    public long Shared => Embedding + Attention + Norms + Routers + LmHead;

    /// <summary>All weights.</summary>
    public long Total => Shared + Experts;

    internal static PartBytes Of(ModelDirectory model)
    {
        long attention = 0, norms = Bytes(model.FinalNorm), routers = 0, experts = 0;
        for (int layer = 0; layer < model.Config.LayerCount; layer++)
        {
            attention += Bytes(model.Wqkv(layer)) + Bytes(model.AttentionOutput(layer));
            norms += Bytes(model.AttentionNorm(layer)) + Bytes(model.ExpertNorm(layer));
            routers += Bytes(model.Router(layer));
            experts += Enumerable.Range(0, model.Config.ExpertCount).Sum(expert => Bytes(model.Expert(layer, expert)));
        }
        return new PartBytes(Bytes(model.Embedding), attention, norms, routers, experts, Bytes(model.LmHead));
    }

    private static long Bytes(WeightLocation matrix) => matrix.Rows * Compute.ElementTypeExtensions.ByteCount(matrix.Type, matrix.Columns);

    private static long Bytes(ExpertLocation expert) => Bytes(expert.W1) + Bytes(expert.V1) + Bytes(expert.W2);
}
