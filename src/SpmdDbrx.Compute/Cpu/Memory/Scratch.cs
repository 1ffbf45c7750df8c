namespace SpmdDbrx.Compute.Cpu;

/// <summary>The working memory of a device's operations, kept from call to call.</summary>
internal sealed class Scratch : IDisposable
{
    /// <summary>Activations in lane order or in panels.</summary>
    public ScratchBuffer Inputs { get; } = new();

    /// <summary>Sums of chunks; in prompts what an expert's neurons gave.</summary>
    public ScratchBuffer Sums { get; } = new();

    /// <summary>Rows of results before they are added to the output, and dot products of strips.</summary>
    public ScratchBuffer Results { get; } = new();

    /// <summary>What each thread works on.</summary>
    public ScratchBuffer Threads { get; } = new();

    public void Dispose()
    {
        Inputs.Dispose();
        Sums.Dispose();
        Results.Dispose();
        Threads.Dispose();
    }
}
