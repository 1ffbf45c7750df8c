namespace SpmdDbrx.Compute;

/// <summary>The router's choice for a batch: per token <c>TopK</c> experts in descending order of weight.</summary>
public sealed class Routing : IDisposable
{
    /// <param name="device">Where the choice lives.</param>
    /// <param name="tokenCapacity">Largest batch.</param>
    /// <param name="topK">Experts chosen for a token.</param>
    public Routing(IDevice device, int tokenCapacity, int topK)
    {
        TopK = topK;
        ExpertBuffer = device.Allocate((long)tokenCapacity * topK * sizeof(int));
        WeightBuffer = device.Allocate((long)tokenCapacity * topK * sizeof(float));
    }

    /// <summary>Experts chosen for a token.</summary>
    public int TopK { get; }

    /// <summary>Tokens of the current batch, set by <see cref="IDevice.Route"/>.</summary>
    public int TokenCount { get; set; }

    /// <summary>int32 [tokens, topK].</summary>
    public DeviceBuffer ExpertBuffer { get; }

    /// <summary>float32 [tokens, topK].</summary>
    public DeviceBuffer WeightBuffer { get; }

    /// <summary>Chosen experts, [tokens · topK].</summary>
    public Span<int> Experts => ExpertBuffer.Span<int>(0, TokenCount * TopK);

    /// <summary>Their weights after normalisation, [tokens · topK].</summary>
    public Span<float> Weights => WeightBuffer.Span<float>(0, TokenCount * TopK);

    public void Dispose()
    {
        ExpertBuffer.Dispose();
        WeightBuffer.Dispose();
    }
}
