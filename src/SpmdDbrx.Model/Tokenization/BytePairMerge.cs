namespace SpmdDbrx.Model.Tokenization;

/// <summary>What two neighbouring tokens become, and how early: a lower rank merges first.</summary>
internal readonly record struct BytePairMerge(int Rank, int Token);
