using SpmdDbrx.Compute;

namespace SpmdDbrx.Engine.Weights;

/// <summary>One layer as this rank holds it: everything replicated but the experts.</summary>
/// <param name="AttentionNorm">[1, D].</param>
/// <param name="Wqkv">[QkvDim, D].</param>
/// <param name="AttentionOutput">[D, QueryDim].</param>
/// <param name="ExpertNorm">[1, D].</param>
/// <param name="Router">[E, D].</param>
/// <param name="Experts">This rank's experts in the order of its share.</param>
public sealed record LayerWeights(
    WeightMatrix AttentionNorm,
    WeightMatrix Wqkv,
    WeightMatrix AttentionOutput,
    WeightMatrix ExpertNorm,
    WeightMatrix Router,
    ExpertWeights[] Experts);
