namespace SpmdDbrx.Cli.Sweeps;

/// <summary>A matrix of measurements: nodes × systems × networks × prompt lengths, each cell one job of bench.</summary>
internal sealed record Sweep
{
    /// <summary>Heading of the report.</summary>
    public required string Title { get; init; }

    /// <summary>What it asks, for the report; may be empty.</summary>
    public required string About { get; init; }

    /// <summary>Where the launcher runs; the sweep's relative paths start here.</summary>
    public required string Folder { get; init; }

    /// <summary>Where made models and placements are kept.</summary>
    public required string Work { get; init; }

    /// <summary>Words that put a command on nodes; see bench/sweeps/README.md for the placeholders.</summary>
    public required string[] Launcher { get; init; }

    /// <summary>A cell that takes longer has failed.</summary>
    public required int LimitSeconds { get; init; }

    /// <summary>What runs.</summary>
    public required SweepModel Model { get; init; }

    /// <summary>Numbers of nodes, one rank each.</summary>
    public required int[] Nodes { get; init; }

    /// <summary>Ways to spread the model.</summary>
    public required SweepSystem[] Systems { get; init; }

    /// <summary>Networks.</summary>
    public required SweepNetwork[] Networks { get; init; }

    /// <summary>Prompt lengths; 0 = no prompt is measured.</summary>
    public required int[] PromptTokens { get; init; }

    /// <summary>Tokens generated; 0 = none.</summary>
    public required int GeneratedTokens { get; init; }

    /// <summary>Repetitions that count.</summary>
    public required int Repeats { get; init; }

    /// <summary>Threads of a rank; null = as many as bench takes.</summary>
    public required int? Threads { get; init; }

    /// <summary>Further options of bench.</summary>
    public required string[] Options { get; init; }

    /// <summary>All jobs, a number of nodes and a network at a time.</summary>
    public IReadOnlyList<SweepCell> Cells =>
    [
        .. from nodes in Nodes
           from network in Networks
           from system in Systems
           from prompt in PromptTokens
           select new SweepCell(this, nodes, system, network, prompt),
    ];
}
