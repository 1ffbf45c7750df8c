using SpmdDbrx.Compute;

namespace SpmdDbrx.Tests.Compute;

/// <summary>A growing context: every batch is rotated, stored and attended to, and compared with <see cref="Reference"/>.
/// The cache starts full of NaN, so that nothing behind the context may reach a result.</summary>
internal sealed class AttentionCase : IDisposable
{
    private const double Theta = 500_000;
    private const int Layer = 1;

    private readonly DeviceFixture fixture;
    private readonly AttentionShape shape;
    private readonly float scale;
    private readonly KvCache cache;
    private readonly RotaryTable rotary;
    private readonly List<double[]> history = [];

    /// <param name="fixture">The device.</param>
    /// <param name="shape">Heads.</param>
    /// <param name="capacity">Positions.</param>
    /// <param name="scale">Of the inputs; scores grow with its square.</param>
    public AttentionCase(DeviceFixture fixture, AttentionShape shape, int capacity, float scale = 1)
    {
        this.scale = scale;
        this.fixture = fixture;
        this.shape = shape;
        cache = new KvCache(fixture.Device, 2, shape, capacity);
        foreach (DeviceBuffer buffer in new[] { cache.Keys(Layer), cache.Values(Layer) })
            buffer.Span<float>(0, checked((int)(buffer.ByteLength / sizeof(float)))).Fill(float.NaN);
        rotary = new RotaryTable(fixture.Device, shape.HeadDim, Theta, capacity);
    }

    /// <summary>Runs the next <paramref name="tokens"/> positions and compares.</summary>
    public void Check(int tokens, double tolerance)
    {
        Activations output = Run(tokens);
        DeviceFixture.AssertClose(Expected(history.Count - tokens, tokens), output, tolerance);
    }

    /// <summary>Runs the next <paramref name="tokens"/> positions.</summary>
    public Activations Run(int tokens)
    {
        int position = history.Count;
        Activations qkv = Append(tokens);
        Activations output = fixture.Activations(tokens, shape.QueryDim);
        fixture.Device.Attend(qkv, shape, cache, Layer, position, output);
        fixture.Device.Complete();
        return output;
    }

    /// <summary>Stores the next <paramref name="tokens"/> positions for later ones to attend to.</summary>
    public Activations Append(int tokens)
    {
        Activations qkv = fixture.Activations(tokens, shape.QkvDim);
        foreach (ref float value in qkv.Values)
            value *= scale;
        double[,] raw = DeviceFixture.Read(qkv);
        fixture.Device.RotateAndStore(qkv, shape, rotary, cache, Layer, history.Count);
        double clip = shape.Clip ?? double.MaxValue;
        for (int token = 0; token < tokens; token++)
            history.Add([.. Enumerable.Range(0, shape.QkvDim).Select(column => Math.Clamp(raw[token, column], -clip, clip))]);
        return qkv;
    }

    public void Dispose()
    {
        cache.Dispose();
        rotary.Dispose();
    }

    private double[,] Expected(int position, int tokens)
    {
        double[,] output = new double[tokens, shape.QueryDim];
        int group = shape.HeadCount / shape.KvHeadCount;
        for (int kvHead = 0; kvHead < shape.KvHeadCount; kvHead++)
        {
            int column = shape.QueryDim + (kvHead * shape.HeadDim);
            double[][] keys = [.. history.Select((row, at) => Reference.Rotate(row[column..(column + shape.HeadDim)], Theta, at))];
            double[][] values = [.. history.Select(row => row[(column + shape.KvDim)..(column + shape.KvDim + shape.HeadDim)])];
            for (int head = kvHead * group; head < (kvHead + 1) * group; head++)
            {
                for (int token = 0; token < tokens; token++)
                    AttendOne(output, head, token, position + token, keys, values);
            }
        }
        return output;
    }

    private void AttendOne(double[,] output, int head, int token, int at, double[][] keys, double[][] values)
    {
        double[] q = Reference.Rotate(history[at][(head * shape.HeadDim)..((head + 1) * shape.HeadDim)], Theta, at);
        double[] row = Reference.Attend(q, p => keys[p], p => values[p], at + 1);
        for (int index = 0; index < shape.HeadDim; index++)
            output[token, (head * shape.HeadDim) + index] = row[index];
    }
}
