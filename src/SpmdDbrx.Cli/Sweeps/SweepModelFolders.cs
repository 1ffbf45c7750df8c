using SpmdDbrx.Model;

namespace SpmdDbrx.Cli.Sweeps;

/// <summary>Where a sweep's model lies.</summary>
/// <param name="Config">Sizes.</param>
/// <param name="Checkpoint">Unstacked; null where no system needs it.</param>
/// <param name="Prestacked">Prestacked; null where no system needs it.</param>
internal sealed record SweepModelFolders(ModelConfig Config, string? Checkpoint, string? Prestacked)
{
    /// <summary>The directory that a system reads.</summary>
    public string For(SweepSystem system) => (system.IsUnstacked ? Checkpoint : Prestacked)!;
}
