using SpmdDbrx.Compute;

namespace SpmdDbrx.Engine.Performance.Calibration;

/// <summary>The calls of one decoder layer on sizes so small that only the calls themselves take time.</summary>
internal sealed class EmptyLayer : IDisposable
{
    private const int Dim = 64;
    private const int ExpertCount = 4;
    private const int TopK = 2;
    private const int BlockBytes = 4 * Dim * sizeof(float);

    private readonly IDevice device;
    private readonly AttentionShape attention = new(HeadCount: 2, KvHeadCount: 1, HeadDim: 32, Clip: null);
    private readonly DeviceBuffer weights;
    private readonly DeviceBuffer activations;
    private readonly KvCache cache;
    private readonly RotaryTable rotary;
    private readonly Routing routing;
    private readonly ExpertAssignments assignments = new(ExpertCount, ExpertCount);
    private readonly ExpertWeights[] experts;

    public EmptyLayer(IDevice device)
    {
        this.device = device;
        weights = device.Allocate(4L * Dim * Dim * sizeof(float));
        activations = device.Allocate(4L * BlockBytes);
        cache = new KvCache(device, 1, attention, 1);
        rotary = new RotaryTable(device, attention.HeadDim, 10_000, 1);
        routing = new Routing(device, 1, TopK);
        experts = [.. Enumerable.Repeat(new ExpertWeights(Matrix(Dim), Matrix(Dim), Matrix(Dim)), ExpertCount)];
        for (int expert = 0; expert < TopK; expert++)
        {
            assignments.BeginExpert(expert);
            assignments.Add(0, 0, 1);
        }
    }

    /// <summary>One layer for one token.</summary>
    public void Forward()
    {
        Activations hidden = Block(0, Dim);
        Activations normed = Block(1, Dim);
        Activations qkv = Block(2, attention.QkvDim);
        Activations result = Block(3, Dim);
        device.LayerNorm(hidden, Matrix(1), 1e-5f, normed);
        device.Multiply(normed, Matrix(attention.QkvDim), qkv);
        device.RotateAndStore(qkv, attention, rotary, cache, 0, 0);
        device.Attend(qkv, attention, cache, 0, 0, normed);
        device.Multiply(normed, Matrix(Dim), result);
        device.Add(hidden, result);
        device.LayerNorm(hidden, Matrix(1), 1e-5f, normed);
        device.Multiply(normed, Matrix(ExpertCount), Block(2, ExpertCount));
        device.Route(Block(2, ExpertCount), 1f, routing);
        device.Complete();
        device.RunExperts(experts, assignments, normed, result);
        device.Complete();
        device.Add(hidden, result);
        device.Complete();
    }

    private Activations Block(int index, int columns) => new(activations, (long)index * BlockBytes, 1, columns);

    private WeightMatrix Matrix(int rows) => new(weights, 0, rows, Dim, Dim * sizeof(float), ElementType.Float32);

    public void Dispose()
    {
        weights.Dispose();
        activations.Dispose();
        cache.Dispose();
        rotary.Dispose();
        routing.Dispose();
    }
}
