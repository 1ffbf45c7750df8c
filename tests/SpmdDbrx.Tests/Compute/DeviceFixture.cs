using SpmdDbrx.Compute;
using Xunit;

namespace SpmdDbrx.Tests.Compute;

/// <summary>A device under test with random tensors on it; everything is freed together.</summary>
internal sealed unsafe class DeviceFixture(IDevice device, int seed = 1) : IDisposable
{
    private readonly Random random = new(seed);
    private readonly List<IDisposable> owned = [device];

    public IDevice Device => device;

    /// <summary>Standard normal values.</summary>
    public float Normal() =>
        (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));

    /// <summary>Random activations, [rows, columns].</summary>
    public Activations Activations(int rows, int columns)
    {
        Activations block = new(Buffer((long)rows * columns * sizeof(float)), 0, rows, columns);
        foreach (ref float value in block.Values)
            value = Normal();
        return block;
    }

    /// <summary>Random weights, [rows, columns], in a buffer that ends with the last element.</summary>
    public WeightMatrix Weights(int rows, int columns, ElementType type, float scale = 1)
    {
        WeightMatrix matrix = new(Buffer(type.ByteCount((long)rows * columns)), 0, rows, columns, type.ByteCount(columns), type);
        Fill(matrix, scale);
        return matrix;
    }

    /// <summary>Random weights of one expert; neuron-major puts the three rows of a neuron side by side as in expert files.</summary>
    public ExpertWeights Expert(int neurons, int columns, ElementType type, bool neuronMajor)
    {
        float scale = 1 / MathF.Sqrt(columns);
        if (!neuronMajor)
            return new(Weights(neurons, columns, type, scale), Weights(neurons, columns, type, scale), Weights(neurons, columns, type, scale));
        long rowBytes = type.ByteCount(columns);
        DeviceBuffer buffer = Buffer(3 * neurons * rowBytes);
        var w1 = new WeightMatrix(buffer, 0, neurons, columns, 3 * rowBytes, type);
        var expert = new ExpertWeights(w1, w1 with { ByteOffset = rowBytes }, w1 with { ByteOffset = 2 * rowBytes });
        Fill(expert.W1, scale);
        Fill(expert.V1, scale);
        Fill(expert.W2, scale);
        return expert;
    }

    public T Own<T>(T item) where T : IDisposable
    {
        owned.Add(item);
        return item;
    }

    public void Dispose()
    {
        foreach (IDisposable item in Enumerable.Reverse(owned))
            item.Dispose();
    }

    /// <summary>What is stored, as doubles.</summary>
    public static double[,] Read(in WeightMatrix matrix)
    {
        var values = new double[matrix.Rows, matrix.Columns];
        for (int row = 0; row < matrix.Rows; row++)
        {
            byte* start = matrix.Buffer.Pointer + matrix.ByteOffset + (row * matrix.RowStrideBytes);
            for (int column = 0; column < matrix.Columns; column++)
            {
                values[row, column] = matrix.Type switch
                {
                    ElementType.Float32 => ((float*)start)[column],
                    ElementType.Float16 => (double)((Half*)start)[column],
                    _ => BitConverter.UInt32BitsToSingle((uint)((ushort*)start)[column] << 16),
                };
            }
        }
        return values;
    }

    /// <summary>What is stored, as doubles.</summary>
    public static double[,] Read(Activations block)
    {
        var values = new double[block.Rows, block.Columns];
        for (int row = 0; row < block.Rows; row++)
        {
            for (int column = 0; column < block.Columns; column++)
                values[row, column] = block.Row(row)[column];
        }
        return values;
    }

    /// <summary>Every value is within <paramref name="tolerance"/> of the expected one, relative to the largest expected magnitude (at least 1).</summary>
    public static void AssertClose(double[,] expected, Activations actual, double tolerance)
    {
        Assert.Equal((expected.GetLength(0), expected.GetLength(1)), (actual.Rows, actual.Columns));
        double scale = 1;
        foreach (double value in expected)
            scale = Math.Max(scale, Math.Abs(value));
        for (int row = 0; row < actual.Rows; row++)
        {
            for (int column = 0; column < actual.Columns; column++)
            {
                double difference = Math.Abs(expected[row, column] - actual.Row(row)[column]);
                // Not "difference > tolerance": a NaN must fail.
                if (!(difference <= tolerance * scale))
                    Assert.Fail($"[{row}, {column}]: expected {expected[row, column]}, found {actual.Row(row)[column]} (allowed {tolerance * scale})");
            }
        }
    }

    private DeviceBuffer Buffer(long byteLength) => Own(device.Allocate(byteLength));

    private void Fill(in WeightMatrix matrix, float scale)
    {
        for (int row = 0; row < matrix.Rows; row++)
        {
            byte* start = matrix.Buffer.Pointer + matrix.ByteOffset + (row * matrix.RowStrideBytes);
            for (int column = 0; column < matrix.Columns; column++)
            {
                float value = scale * Normal();
                if (matrix.Type == ElementType.Float32)
                    ((float*)start)[column] = value;
                else if (matrix.Type == ElementType.Float16)
                    ((Half*)start)[column] = (Half)value;
                else
                    ((ushort*)start)[column] = (ushort)(BitConverter.SingleToUInt32Bits(value) >> 16);
            }
        }
    }
}
