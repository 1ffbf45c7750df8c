namespace SpmdDbrx.Model.Inspection;

/// <summary>What the fullest of N ranks holds in memory: all shared weights and its experts, placed contiguously and without replicas.</summary>
/// <param name="Ranks">N.</param>
/// <param name="Experts">Experts of the fullest rank, ⌈E/N⌉.</param>
/// <param name="Bytes">Weights of that rank, without KV cache and buffers.</param>
public readonly record struct RankMemory(int Ranks, int Experts, long Bytes);
