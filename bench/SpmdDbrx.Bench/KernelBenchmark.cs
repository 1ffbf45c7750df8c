using BenchmarkDotNet.Attributes;
using SpmdDbrx.Compute;

namespace SpmdDbrx.Bench;

/// <summary>A device, its weights, and the ceiling measured before every iteration.</summary>
public abstract class KernelBenchmark
{
    private readonly List<double> ceilings = [];
    private readonly List<IDisposable> owned = [];

    /// <summary>The ceilings of the finished cases, by <see cref="CaseName"/>: what all threads together could have done in a second.</summary>
    public static Dictionary<string, double> Ceilings { get; } = [];

    /// <summary>What a call of the finished cases does, in bytes or floating-point operations.</summary>
    public static Dictionary<string, double> Work { get; } = [];

    [ParamsSource(nameof(Shapes))]
    public ModelShape Shape { get; set; } = ModelShape.S;

    [Params(1, 2)]
    public int Threads { get; set; }

    public static IEnumerable<ModelShape> Shapes => [ModelShape.S, ModelShape.W];

    protected CpuDevice Device { get; private set; } = null!;

    protected CpuProbe Probe { get; private set; } = null!;

    /// <summary>What batches of tokens are rounded to.</summary>
    protected virtual PrefillPrecision Prefill => PrefillPrecision.Float32;

    /// <summary>The value of a benchmark's further parameter, "" without one.</summary>
    protected virtual string Variant => "";

    /// <summary>Key of a case in <see cref="Ceilings"/> and <see cref="Work"/>.</summary>
    public static string CaseName(string type, string shape, string threads, string variant) => $"{type} {shape} {threads} {variant}";

    [GlobalSetup]
    public void Setup()
    {
        Device = new CpuDevice(new CpuDeviceOptions(Threads) { Prefill = Prefill });
        Probe = new CpuProbe(Device);
        Prepare();
    }

    [IterationSetup]
    public void MeasureCeiling() => ceilings.Add(Ceiling());

    [GlobalCleanup]
    public void Cleanup()
    {
        string name = CaseName(DeclaredType().Name, Shape.Name, Threads.ToString(), Variant);
        ceilings.Sort();
        Ceilings[name] = ceilings[ceilings.Count / 2];
        Work[name] = WorkOfCall();
        ceilings.Clear();
        foreach (IDisposable item in owned)
            item.Dispose();
        owned.Clear();
        Device.Dispose();
    }

    /// <summary>The class in this source; the instance is of a type that BenchmarkDotNet derived from it.</summary>
    private Type DeclaredType()
    {
        Type type = GetType();
        while (type.Assembly != typeof(KernelBenchmark).Assembly)
            type = type.BaseType!;
        return type;
    }

    /// <summary>Allocates what the case needs.</summary>
    protected abstract void Prepare();

    /// <summary>Bytes or floating-point operations a second that the machine allows now.</summary>
    protected abstract double Ceiling();

    /// <summary>Bytes or floating-point operations of a call.</summary>
    protected abstract double WorkOfCall();

    /// <summary>Disposes of an item when the case has run.</summary>
    protected T Own<T>(T item) where T : IDisposable
    {
        owned.Add(item);
        return item;
    }

    /// <summary>Random values, [rows, columns].</summary>
    protected Activations Activations(int rows, int columns)
    {
        var block = new Activations(Own(Device.Allocate((long)rows * columns * sizeof(float))), 0, rows, columns);
        var random = new Random(rows);
        foreach (ref float value in block.Values)
            value = random.NextSingle() - 0.5f;
        return block;
    }

    /// <summary>Small finite bfloat16 weights in every page.</summary>
    protected DeviceBuffer Weights(long byteLength)
    {
        DeviceBuffer buffer = Own(Device.Allocate(byteLength));
        const int Block = 1 << 20;
        for (long offset = 0; offset < byteLength; offset += Block)
        {
            Span<ushort> part = buffer.Span<ushort>(offset, (int)Math.Min(Block, byteLength - offset) / sizeof(ushort));
            for (int index = 0; index < part.Length; index++)
                part[index] = (ushort)(0x3C00 | ((index * 37) & 0x80FF));
        }
        return buffer;
    }

    /// <summary>A matrix [rows, D] as prestacked files have it, in strips of 2,048 columns.</summary>
    protected WeightMatrix Matrix(DeviceBuffer buffer, long byteOffset, int rows)
    {
        const int StripColumns = 2048;
        long rowBytes = StripColumns * sizeof(ushort);
        return new WeightMatrix(
            buffer, byteOffset, rows, Shape.HiddenDim, rowBytes, ElementType.BFloat16, Shape.HiddenDim / StripColumns, rows * rowBytes);
    }

    /// <summary>Experts as expert files have them: w1, v1 and w2 one behind the other.</summary>
    protected ExpertWeights[] Experts(DeviceBuffer buffer, int count)
    {
        long matrixBytes = Shape.ExpertBytes / 3;
        WeightMatrix OfExpert(int index, int matrix) => Matrix(buffer, (index * Shape.ExpertBytes) + (matrix * matrixBytes), Shape.Neurons);
        return [.. Enumerable.Range(0, count).Select(index => new ExpertWeights(OfExpert(index, 0), OfExpert(index, 1), OfExpert(index, 2)))];
    }
}
