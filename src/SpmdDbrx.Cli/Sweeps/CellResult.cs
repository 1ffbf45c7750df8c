namespace SpmdDbrx.Cli.Sweeps;

/// <summary>A cell and what became of it.</summary>
/// <param name="Cell">The cell.</param>
/// <param name="Record">Its record.</param>
internal sealed record CellResult(SweepCell Cell, CellRecord Record)
{
    /// <summary>Generation, where it was measured.</summary>
    public BenchFigures? Generation => Record.Generation;

    /// <summary>Prompt processing, where it was measured.</summary>
    public BenchFigures? Prompt => Record.Prompt;

    /// <summary>Its line in plots and its row in tables: the system, and the prompt's length where a sweep has several.</summary>
    public string Line => Cell.Sweep.PromptTokens.Length == 1 ? Cell.System.Name : $"{Cell.System.Name}, prompt of {Cell.PromptTokens}";
}
