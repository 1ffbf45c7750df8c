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
    public WeightMatrix Weights(int rows, int columns, ElementType type, float scale = 1, int strips = 1)
    {
        WeightMatrix matrix = Layout(Buffer(type.ByteCount((long)rows * columns)), 0, rows, columns, type, strips);
        Fill(matrix, scale);
        return matrix;
    }

    /// <summary>Random weights of one expert: three matrices of whole rows or in strips, one behind the other as in expert files.</summary>
    public ExpertWeights Expert(int neurons, int columns, ElementType type, int strips = 1)
    {
        long bytes = type.ByteCount((long)neurons * columns);
        DeviceBuffer buffer = Buffer(3 * bytes);
        WeightMatrix w1 = Layout(buffer, 0, neurons, columns, type, strips);
        var expert = new ExpertWeights(w1, w1 with { ByteOffset = bytes }, w1 with { ByteOffset = 2 * bytes });
        float scale = 1 / MathF.Sqrt(columns);
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
            for (int column = 0; column < matrix.Columns; column++)
            {
                byte* element = Element(matrix, row, column);
                values[row, column] = matrix.Type switch
                {
                    ElementType.Float32 => *(float*)element,
                    ElementType.Float16 => (double)*(Half*)element,
                    _ => BitConverter.UInt32BitsToSingle((uint)*(ushort*)element << 16),
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

    private static WeightMatrix Layout(DeviceBuffer buffer, long offset, int rows, int columns, ElementType type, int strips)
    {
        long rowBytes = type.ByteCount(columns / strips);
        return new WeightMatrix(buffer, offset, rows, columns, rowBytes, type, strips, rows * rowBytes);
    }

    private static byte* Element(in WeightMatrix matrix, int row, int column) =>
        matrix.Buffer.Pointer + matrix.ByteOffset + (column / matrix.StripColumns * matrix.StripStrideBytes) + (row * matrix.RowStrideBytes)
        + matrix.Type.ByteCount(column % matrix.StripColumns);

    private DeviceBuffer Buffer(long byteLength) => Own(device.Allocate(byteLength));

    private void Fill(in WeightMatrix matrix, float scale)
    {
        for (int row = 0; row < matrix.Rows; row++)
        {
            for (int column = 0; column < matrix.Columns; column++)
            {
                float value = scale * Normal();
                byte* element = Element(matrix, row, column);
                if (matrix.Type == ElementType.Float32)
                    *(float*)element = value;
                else if (matrix.Type == ElementType.Float16)
                    *(Half*)element = (Half)value;
                else
                    *(ushort*)element = (ushort)(BitConverter.SingleToUInt32Bits(value) >> 16);
            }
        }
    }
}
