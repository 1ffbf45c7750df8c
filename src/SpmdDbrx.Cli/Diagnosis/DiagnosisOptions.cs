namespace SpmdDbrx.Cli.Diagnosis;

/// <summary>What a machine is examined for.</summary>
/// <param name="ModelPath">The model that is to run; null = none in particular.</param>
/// <param name="Ranks">Ranks that are to run it, one a machine; null = those that run now.</param>
/// <param name="NeedsMetal">Whether the GPU is to compute.</param>
internal sealed record DiagnosisOptions(string? ModelPath, int? Ranks, bool NeedsMetal);
