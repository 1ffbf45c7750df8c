namespace SpmdDbrx.Compute.Cpu;

/// <summary>Causal attention over the cache: few tokens at memory speed, many at arithmetic speed.</summary>
internal static unsafe class AttentionProduct<TVector> where TVector : unmanaged, IFloatVector<TVector>
{
    /// <summary>1/(√headDim · ln 2): scores are logarithms to base 2, whose powers take fewer instructions than those of e.</summary>
    public static float QueryScale(int headDim) => (float)(1 / (Math.Sqrt(headDim) * Math.Log(2)));

    /// <summary>Floats of the partial results of a few tokens.</summary>
    public static long PartialFloats(AttentionShape shape, int tokens, int capacity) =>
        AttentionBlocks<TVector>.MostItems(shape, tokens, capacity) * AttentionBlocks<TVector>.ItemLength(shape);

    public static void Run(
        ThreadTeam team, SharedTeam? shared, Scratch scratch, RowPointer qkv, AttentionShape shape, KvPanels<TVector> cache, int position, RowPointer output)
    {
        if (qkv.Rows == 0)
            return;
        if (qkv.Rows > ExpertSlice.MaxTokens)
            Prefill(team, scratch, qkv, shape, cache, position, output);
        else
            Decode(team, shared, scratch, qkv, shape, cache, position, output);
    }

    private static void Prefill(ThreadTeam team, Scratch scratch, RowPointer qkv, AttentionShape shape, KvPanels<TVector> cache, int position, RowPointer output)
    {
        float* memory = scratch.Threads.Floats(AttentionTiles<TVector>.ScratchLength(shape) * team.Count);
        var tiles = new AttentionTiles<TVector>(qkv, shape, cache, position, memory, output);
        team.Run(tiles.ItemCount, ref tiles);
    }

    private static void Decode(
        ThreadTeam team, SharedTeam? shared, Scratch scratch, RowPointer qkv, AttentionShape shape, KvPanels<TVector> cache, int position, RowPointer output)
    {
        int positions = position + qkv.Rows;
        int items = AttentionBlocks<TVector>.ItemCount(shape, qkv.Rows, positions);
        long partialCount = PartialFloats(shape, qkv.Rows, cache.Capacity);
        float* partials = shared is null ? scratch.Sums.Floats(partialCount) : shared.NextProduct(partialCount);
        float* memory = scratch.Threads.Floats(team.Count * AttentionBlocks<TVector>.ScratchLength(shape));
        var blocks = new AttentionBlocks<TVector>(qkv, shape, cache, position, memory, partials);
        SharedTeam.Run(team, shared, items, ref blocks);
        var merge = new AttentionMerge<TVector>(shape, AttentionBlocks<TVector>.BlockCount(shape, positions), partials, output);
        team.Run(qkv.Rows * shape.KvHeadCount, ref merge);
    }
}
