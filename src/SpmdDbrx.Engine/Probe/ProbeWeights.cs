using SpmdDbrx.Compute;

namespace SpmdDbrx.Engine.Probe;

/// <summary>The benchmark's weights on a device: one array a matrix, or one array for all of them.</summary>
internal sealed class ProbeWeights : IDisposable
{
    private readonly IDevice device;
    private readonly List<DeviceBuffer> buffers = [];
    private readonly WeightMatrix[] matrices;
    private readonly Activations input;
    private readonly Activations output;

    public ProbeWeights(IDevice device, ProbeOptions options, bool prestacked)
    {
        this.device = device;
        matrices = new WeightMatrix[options.LayerCount * ProbeOptions.MatricesPerLayer];
        DeviceBuffer? stacked = prestacked ? Allocate(options.TotalBytes) : null;
        for (int index = 0; index < matrices.Length; index++)
        {
            DeviceBuffer buffer = stacked ?? Allocate(options.MatrixBytes);
            long offset = prestacked ? index * options.MatrixBytes : 0;
            matrices[index] = new WeightMatrix(
                buffer, offset, options.ExpertHiddenDim, options.HiddenDim, 2L * options.HiddenDim, ElementType.BFloat16);
        }
        input = new Activations(Allocate(options.HiddenDim * sizeof(float)), 0, 1, options.HiddenDim);
        output = new Activations(Allocate(options.ExpertHiddenDim * sizeof(float)), 0, 1, options.ExpertHiddenDim);
    }

    /// <summary>The three products of one layer, finished.</summary>
    public void Multiply(int layer)
    {
        for (int index = 0; index < ProbeOptions.MatricesPerLayer; index++)
            device.Multiply(input, matrices[(layer * ProbeOptions.MatricesPerLayer) + index], output);
        device.Complete();
    }

    public void Dispose()
    {
        foreach (DeviceBuffer buffer in buffers)
            buffer.Dispose();
    }

    private DeviceBuffer Allocate(long byteLength)
    {
        DeviceBuffer buffer = device.Allocate(byteLength);
        buffers.Add(buffer);
        return buffer;
    }
}
