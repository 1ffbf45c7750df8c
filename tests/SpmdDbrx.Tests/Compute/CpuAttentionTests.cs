using SpmdDbrx.Compute;
using Xunit;

namespace SpmdDbrx.Tests.Compute;

/// <summary>RoPE, cache and attention of the CPU device against <see cref="Reference"/>.</summary>
public class CpuAttentionTests
{
    private const double Theta = 500_000;

    public static TheoryData<int, int, int, int, int> Shapes
    {
        get
        {
            var data = new TheoryData<int, int, int, int, int>();
            foreach (int vectorBits in new[] { 128, 256, 512 })
            {
                data.Add(vectorBits, 1, 4, 2, 32);
                data.Add(vectorBits, 2, 6, 2, 128);
                data.Add(vectorBits, 3, 5, 5, 6);
                data.Add(vectorBits, 2, 3, 1, 50);
            }
            return data;
        }
    }

    [Theory, MemberData(nameof(Shapes))]
    public void Attend_SeveralBatches_MatchesReference(int vectorBits, int threads, int heads, int kvHeads, int headDim)
    {
        using var fixture = new DeviceFixture(new CpuDevice(threads, vectorBits));
        var shape = new AttentionShape(heads, kvHeads, headDim, Clip: 1.5f);
        const int Capacity = 700;
        using var cache = new KvCache(fixture.Device, 2, shape, Capacity);
        using var rotary = new RotaryTable(fixture.Device, headDim, Theta, Capacity);
        var history = new List<double[]>();
        int position = 0;
        foreach (int tokens in new[] { 3, 1, 290, 1, 9, 1, 300, 2 })
        {
            Activations qkv = fixture.Activations(tokens, shape.QkvDim);
            double[,] raw = DeviceFixture.Read(qkv);
            Activations output = fixture.Activations(tokens, shape.QueryDim);
            fixture.Device.RotateAndStore(qkv, shape, rotary, cache, 1, position);
            fixture.Device.Attend(qkv, shape, cache, 1, position, output);
            for (int token = 0; token < tokens; token++)
                history.Add([.. Enumerable.Range(0, shape.QkvDim).Select(column => Math.Clamp(raw[token, column], -1.5, 1.5))]);
            DeviceFixture.AssertClose(Expected(shape, history, position, tokens), output, 2e-5);
            position += tokens;
        }
    }

    private static double[,] Expected(AttentionShape shape, List<double[]> history, int position, int tokens)
    {
        var output = new double[tokens, shape.QueryDim];
        int group = shape.HeadCount / shape.KvHeadCount;
        for (int head = 0; head < shape.HeadCount; head++)
        {
            int keyColumn = shape.QueryDim + (head / group * shape.HeadDim);
            double[][] keys = [.. history.Select((row, at) => Reference.Rotate(row[keyColumn..(keyColumn + shape.HeadDim)], Theta, at))];
            double[][] values = [.. history.Select(row => row[(keyColumn + shape.KvDim)..(keyColumn + shape.KvDim + shape.HeadDim)])];
            for (int token = 0; token < tokens; token++)
            {
                int at = position + token;
                double[] q = Reference.Rotate(history[at][(head * shape.HeadDim)..((head + 1) * shape.HeadDim)], Theta, at);
                double[] row = Reference.Attend(q, p => keys[p], p => values[p], at + 1);
                for (int index = 0; index < shape.HeadDim; index++)
                    output[token, (head * shape.HeadDim) + index] = row[index];
            }
        }
        return output;
    }
}
