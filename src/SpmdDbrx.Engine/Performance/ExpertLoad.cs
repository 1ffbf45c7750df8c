namespace SpmdDbrx.Engine.Performance;

/// <summary>Experts per layer; fractions of experts where they are sliced.</summary>
/// <param name="Mean">Selected experts on a rank, on average: k/N.</param>
/// <param name="Busiest">Selected experts on the busiest rank, on average: E of Eq. 1.</param>
/// <param name="Held">Experts that the fullest rank holds.</param>
/// <param name="HeldByNode">Experts in memory on the fullest node: what several of its ranks map of the same files counts once.</param>
internal readonly record struct ExpertLoad(double Mean, double Busiest, double Held, double HeldByNode);
