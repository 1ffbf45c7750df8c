namespace SpmdDbrx.Model.Inspection;

/// <summary>What the fullest of N ranks holds in memory: all shared weights and its experts, placed contiguously and without replicas.</summary>
/// <param name="Ranks">N.</param>
/// <param name="Experts">Experts of the fullest rank, ⌈E/N⌉.</param>
/// <param name="Bytes">Weights of that rank, without KV cache and buffers.</param>
public readonly record struct RankMemory(int Ranks, int Experts, long Bytes)
{
    /// <summary>Of any number of ranks.</summary>
    /// <param name="model">Weights by part.</param>
    /// <param name="experts">E.</param>
    /// <param name="ranks">N.</param>
    public static RankMemory Of(PartBytes model, int experts, int ranks)
    {
        int held = (experts + ranks - 1) / ranks;
        return new RankMemory(ranks, held, model.Shared + (model.Experts / experts * held));
    }
}
