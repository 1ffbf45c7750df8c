using SpmdDbrx.Compute;
using SpmdDbrx.Compute.Metal;
using SpmdDbrx.Engine.Experts;
using SpmdDbrx.Engine.Session;

namespace SpmdDbrx.Tests.Compute.Metal;

/// <summary>The experts of one of two nodes and a routing trace, decoded layer by layer on the emulator.</summary>
internal sealed class WiringScenario : IDisposable
{
    private const int LocalCount = 8;
    private const int ExpertCount = 16;
    private const int TopK = 4;
    private const int Neurons = 2;
    private const int Columns = 4;

    private readonly DeviceFixture fixture;
    private readonly ExpertWeights[][] layers;
    private readonly List<DeviceBuffer> weights = [];
    private readonly Activations input;
    private readonly Activations sum;
    private readonly ExpertAssignments assignments = new(LocalCount, LocalCount);
    private readonly Random random = new(17);
    private SpareExperts? spares;

    public WiringScenario(int layerCount, bool prestacked, bool residencySets)
    {
        long matrixBytes = ElementType.BFloat16.ByteCount(Neurons * Columns), expertBytes = layerCount * 3 * matrixBytes;
        MetalCollection.RequireEmulator();
        Device = new MetalDevice(new MetalOptions { UseResidencySets = residencySets });
        fixture = new DeviceFixture(Device);
        input = fixture.Activations(1, Columns);
        sum = fixture.Activations(1, Columns);
        DeviceBuffer[] stacked = prestacked ? [.. Enumerable.Range(0, LocalCount).Select(_ => Allocate(expertBytes))] : [];
        layers = new ExpertWeights[layerCount][];
        for (int layer = 0; layer < layerCount; layer++)
        {
            layers[layer] = new ExpertWeights[LocalCount];
            for (int expert = 0; expert < LocalCount; expert++)
            {
                WeightMatrix Matrix(int index) => new(
                    prestacked ? stacked[expert] : Allocate(matrixBytes),
                    prestacked ? ((layer * 3) + index) * matrixBytes : 0, Neurons, Columns, 2 * Columns, ElementType.BFloat16);
                layers[layer][expert] = new ExpertWeights(Matrix(0), Matrix(1), Matrix(2));
            }
        }
    }

    public MetalDevice Device { get; }

    /// <summary>How often the emulated driver wired something.</summary>
    public long Wirings => Device.EmulatedTime!.Wirings;

    /// <summary>Matrices that ran so far.</summary>
    public long MatricesUsed { get; private set; }

    /// <summary>Reads all weights once.</summary>
    public void Standby()
    {
        foreach (DeviceBuffer buffer in weights)
            Device.Touch(buffer);
    }

    /// <summary>Decodes tokens with a loading policy; attention and communication of a layer take <paramref name="layerMilliseconds"/>.</summary>
    public void Decode(Loading loading, int tokens, int layerMilliseconds)
    {
        spares ??= new SpareExperts(loading, layers.Length, LocalCount);
        for (int step = 0; step < tokens * layers.Length; step++)
        {
            int layer = step % layers.Length;
            int busiest = Choose();
            spares.Add(assignments, layer, busiest);
            MatricesUsed += 3 * assignments.ExpertCount;
            Device.RunExperts(layers[layer], assignments, input, sum);
            Device.Complete();
            Device.Sleep(TimeSpan.FromMilliseconds(layerMilliseconds));
        }
    }

    public void Dispose() => fixture.Dispose();

    /// <summary>Routes one token: fills the assignments with this node's selected experts and returns the busier node's count.</summary>
    private int Choose()
    {
        HashSet<int> chosen = [];
        while (chosen.Count < TopK)
        {
            int expert = random.Next(ExpertCount);
            // Experts 0 and 1 are chosen a hundredth as often as the others.
            if (expert > 1 || random.Next(100) == 0)
                chosen.Add(expert);
        }
        assignments.Clear();
        foreach (int expert in chosen.Where(expert => expert < LocalCount).Order())
        {
            assignments.BeginExpert(expert);
            assignments.Add(0, 0, 0.25f);
        }
        int local = assignments.ExpertCount;
        return Math.Max(local, TopK - local);
    }

    private DeviceBuffer Allocate(long byteLength)
    {
        DeviceBuffer buffer = fixture.Own(Device.Allocate(byteLength));
        weights.Add(buffer);
        return buffer;
    }
}
