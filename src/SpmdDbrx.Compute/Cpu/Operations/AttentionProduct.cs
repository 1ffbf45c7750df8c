namespace SpmdDbrx.Compute.Cpu;

/// <summary>Causal attention over the cache: few tokens at memory speed, many at arithmetic speed.</summary>
internal static unsafe class AttentionProduct<TVector> where TVector : unmanaged, IFloatVector<TVector>
{
    public static void Run(ThreadTeam team, Scratch scratch, RowPointer qkv, AttentionShape shape, KvPointer cache, int position, RowPointer output)
    {
        if (qkv.Rows > ExpertSlice.MaxTokens)
            Prefill(team, scratch, qkv, shape, cache, position, output);
        else
            Decode(team, scratch, qkv, shape, cache, position, output);
    }

    private static void Prefill(ThreadTeam team, Scratch scratch, RowPointer qkv, AttentionShape shape, KvPointer cache, int position, RowPointer output)
    {
        float* memory = scratch.Threads.Floats(AttentionTiles<TVector>.ScratchLength(shape) * team.Count);
        var tiles = new AttentionTiles<TVector>(qkv, shape, cache, position, memory, output);
        team.Run(tiles.ItemCount, ref tiles);
    }

    private static void Decode(ThreadTeam team, Scratch scratch, RowPointer qkv, AttentionShape shape, KvPointer cache, int position, RowPointer output)
    {
        const int BlockPositions = AttentionBlocks<TVector>.BlockPositions;
        int groupSize = shape.HeadCount / shape.KvHeadCount;
        int blockCount = (position + qkv.Rows + BlockPositions - 1) / BlockPositions;
        int items = checked(qkv.Rows * shape.KvHeadCount * blockCount);
        float* partials = scratch.Sums.Floats((long)items * groupSize * AttentionBlocks<TVector>.PartialLength(shape.HeadDim));
        float* scores = scratch.Threads.Floats((long)team.Count * groupSize * BlockPositions);
        var blocks = new AttentionBlocks<TVector>(qkv, shape, cache, position, blockCount, scores, partials);
        team.Run(items, ref blocks);
        var merge = new AttentionMerge<TVector>(shape, blockCount, partials, output);
        team.Run(qkv.Rows * shape.KvHeadCount, ref merge);
    }
}
