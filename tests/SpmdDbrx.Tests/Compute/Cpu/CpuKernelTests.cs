using System.Runtime.InteropServices;
using SpmdDbrx.Compute;
using Xunit;

namespace SpmdDbrx.Tests.Compute.Cpu;

/// <summary>Every kernel on every length from 0 to 256, for all register widths and element types, against <see cref="Reference"/>.</summary>
public class CpuKernelTests
{
    private const double Tolerance = 2e-5;

    /// <summary>Rows that fill all streams and leave some over.</summary>
    private const int Rows = 19;

    public static TheoryData<int, ElementType> Variants
    {
        get
        {
            TheoryData<int, ElementType> data = [];
            foreach (int vectorBits in new[] { 128, 256, 512 })
            {
                foreach (ElementType type in Enum.GetValues<ElementType>())
                    data.Add(vectorBits, type);
            }
            return data;
        }
    }

    /// <summary>The same for one thread that asks for weights ahead, as it does beside others, and for one that does not.</summary>
    public static TheoryData<int, ElementType, bool> VariantsOfReading
    {
        get
        {
            TheoryData<int, ElementType, bool> data = [];
            foreach (int vectorBits in new[] { 128, 256, 512 })
            {
                foreach (ElementType type in Enum.GetValues<ElementType>())
                {
                    data.Add(vectorBits, type, false);
                    // Eight rows of narrower registers are read alike in both.
                    if (vectorBits == 512)
                        data.Add(vectorBits, type, true);
                }
            }
            return data;
        }
    }

    [Theory, MemberData(nameof(VariantsOfReading))]
    public void Multiply_EveryColumnCount_MatchesReference(int vectorBits, ElementType type, bool sharesMemory)
    {
        for (int columns = 0; columns <= 256; columns++)
        {
            using DeviceFixture fixture = new(new CpuDevice(new CpuDeviceOptions(1) { SharesMemory = sharesMemory }, vectorBits), columns);
            // Vector kernels for one token and for a pair, tiles for one register of tokens and for two.
            foreach (int tokens in new[] { 1, 3, 9, 17 + (columns % 16) })
            {
                Activations input = fixture.Activations(tokens, columns);
                WeightMatrix weight = fixture.Weights(Rows, columns, type);
                Activations output = fixture.Activations(tokens, Rows);
                fixture.Device.Multiply(input, weight, output);
                DeviceFixture.AssertClose(Reference.Multiply(DeviceFixture.Read(input), DeviceFixture.Read(weight)), output, Tolerance);
            }
        }
    }

    [Theory, MemberData(nameof(Variants))]
    public void Multiply_SeveralBlocks_MatchesReference(int vectorBits, ElementType type)
    {
        using DeviceFixture fixture = new(new CpuDevice(new CpuDeviceOptions(2), vectorBits));
        // Vectors in several items, then tiles over several blocks of rows and of depth.
        foreach ((int tokens, int rows, int columns) in new[] { (1, 2111, 131), (3, 640, 515), (70, 333, 1100) })
        {
            Activations input = fixture.Activations(tokens, columns);
            WeightMatrix weight = fixture.Weights(rows, columns, type);
            Activations output = fixture.Activations(tokens, rows);
            fixture.Device.Multiply(input, weight, output);
            DeviceFixture.AssertClose(Reference.Multiply(DeviceFixture.Read(input), DeviceFixture.Read(weight)), output, Tolerance);
        }
    }

    [Theory, MemberData(nameof(VariantsOfReading))]
    public void RunExperts_EveryColumnCount_MatchesReference(int vectorBits, ElementType type, bool sharesMemory)
    {
        for (int columns = 1; columns <= 256; columns++)
        {
            using DeviceFixture fixture = new(new CpuDevice(new CpuDeviceOptions(1) { SharesMemory = sharesMemory }, vectorBits), columns);
            ExpertWeights expert = fixture.Expert(Rows, columns, type);
            foreach (int tokens in new[] { 1, 3, 10 })
                CheckExpert(fixture, expert, tokens);
        }
    }

    [Theory, MemberData(nameof(VariantsOfReading))]
    public void RunExperts_EveryNeuronCount_MatchesReference(int vectorBits, ElementType type, bool sharesMemory)
    {
        for (int neurons = 1; neurons <= 256; neurons++)
        {
            using DeviceFixture fixture = new(new CpuDevice(new CpuDeviceOptions(1) { SharesMemory = sharesMemory }, vectorBits), neurons);
            ExpertWeights expert = fixture.Expert(neurons, 37, type);
            foreach (int tokens in new[] { 2, 9 })
                CheckExpert(fixture, expert, tokens);
        }
    }

    [Theory, MemberData(nameof(Variants))]
    public void StripsOfColumns_EveryRowCount_MatchReference(int vectorBits, ElementType type)
    {
        for (int rows = 1; rows <= 64; rows++)
        {
            using DeviceFixture fixture = new(new CpuDevice(new CpuDeviceOptions(2), vectorBits), rows);
            ExpertWeights expert = fixture.Expert(rows, 768, type, strips: 3);
            foreach (int tokens in new[] { 1, 3, 10 })
            {
                CheckExpert(fixture, expert, tokens);
                Activations input = fixture.Activations(tokens, 768), output = fixture.Activations(tokens, rows);
                fixture.Device.Multiply(input, expert.V1, output);
                DeviceFixture.AssertClose(Reference.Multiply(DeviceFixture.Read(input), DeviceFixture.Read(expert.V1)), output, Tolerance);
            }
        }
    }

    [Theory, MemberData(nameof(Variants))]
    public void RunExperts_SeveralChunks_MatchesReference(int vectorBits, ElementType type)
    {
        // Two chunks of a strip over two streams and over eight, and neurons behind the last run.
        using DeviceFixture fixture = new(new CpuDevice(new CpuDeviceOptions(2), vectorBits));
        ExpertWeights expert = fixture.Expert(2203, 768, type, strips: 3);
        foreach (int tokens in new[] { 1, 3 })
            CheckExpert(fixture, expert, tokens);
    }

    [Fact]
    public void RunExperts_ExpertsOfUnequalShapes_AreRefused()
    {
        using DeviceFixture fixture = new(new CpuDevice(1));
        Activations input = fixture.Activations(1, 256), output = fixture.Activations(1, 256);
        ExpertWeights plain = fixture.Expert(4, 256, ElementType.BFloat16);
        foreach (ExpertWeights other in new[]
        {
            plain with { V1 = fixture.Weights(5, 256, ElementType.BFloat16) },
            plain with { W2 = fixture.Weights(4, 256, ElementType.Float32) },
            plain with { W2 = fixture.Weights(4, 256, ElementType.BFloat16, 1, strips: 2) },
            fixture.Expert(4, 256, ElementType.BFloat16, strips: 2),
            fixture.Expert(5, 256, ElementType.BFloat16),
        })
        {
            ExpertAssignments assignments = new(2, 2);
            assignments.Clear();
            for (int expert = 0; expert < 2; expert++)
            {
                assignments.BeginExpert(expert);
                assignments.Add(0, 0, 1);
            }
            ArgumentException refusal = Assert.Throws<ArgumentException>(() => fixture.Device.RunExperts([plain, other], assignments, input, output));
            Assert.Contains("expected w1, v1 and w2 of all experts as [4, 256] BFloat16 in 1 strips", refusal.Message, StringComparison.Ordinal);
        }
    }

    [Theory, MemberData(nameof(Variants))]
    public void Multiply_FewTokensTogetherOrAlone_HaveTheSameBits(int vectorBits, ElementType type)
    {
        foreach (int tokens in new[] { 2, 3, 8 })
        {
            using DeviceFixture fixture = new(new CpuDevice(new CpuDeviceOptions(2), vectorBits), tokens);
            (int columns, int strips) = tokens == 3 ? (256, 2) : (180, 1);
            WeightMatrix weight = fixture.Weights(Rows, columns, type, 1, strips);
            Activations input = fixture.Activations(tokens, columns), single = fixture.Activations(1, columns);
            Activations outputs = fixture.Activations(tokens, Rows), output = fixture.Activations(1, Rows);
            fixture.Device.Multiply(input, weight, outputs);
            for (int token = 0; token < tokens; token++)
            {
                input.Row(token).CopyTo(single.Row(0));
                fixture.Device.Multiply(single, weight, output);
                Assert.Equal(Bits(output.Row(0)), Bits(outputs.Row(token)));
            }
        }
    }

    /// <summary>Which experts share a pass, and so where one's tokens are cut, depends on the placement; results must not.</summary>
    [Theory, MemberData(nameof(Variants))]
    public void RunExperts_FewTokensTogetherOrAlone_HaveTheSameBits(int vectorBits, ElementType type)
    {
        // Passes of 16 tokens: 6, 6 and 4, then the 2 that are left; 7, 8 and 1, then 2.
        foreach (int[] counts in new[] { new[] { 6, 6, 6 }, [7, 8, 3] })
        {
            int tokens = counts.Sum();
            using DeviceFixture fixture = new(new CpuDevice(new CpuDeviceOptions(2), vectorBits), tokens);
            (int columns, int strips) = counts[0] == 7 ? (256, 2) : (180, 1);
            ExpertWeights[] experts = [.. counts.Select(_ => fixture.Expert(Rows, columns, type, strips))];
            Activations input = fixture.Activations(tokens, columns), outputs = fixture.Activations(tokens, columns), output = fixture.Activations(tokens, columns);
            ExpertAssignments assignments = new(experts.Length, tokens);
            assignments.Clear();
            int next = 0;
            for (int expert = 0; expert < experts.Length; expert++)
            {
                assignments.BeginExpert(expert);
                for (int count = 0; count < counts[expert]; count++, next++)
                    assignments.Add(next, next, 0.75f);
            }
            fixture.Device.RunExperts(experts, assignments, input, outputs);
            for (int expert = 0, token = 0; expert < experts.Length; expert++)
            {
                for (int last = token + counts[expert]; token < last; token++)
                {
                    ExpertAssignments alone = new(1, 1);
                    alone.Clear();
                    alone.BeginExpert(0);
                    alone.Add(token, token, 0.75f);
                    fixture.Device.RunExperts([experts[expert]], alone, input, output);
                    Assert.Equal(Bits(output.Row(token)), Bits(outputs.Row(token)));
                }
            }
        }
    }

    [Theory, MemberData(nameof(Variants))]
    public void LayerNorm_EveryColumnCount_MatchesReference(int vectorBits, ElementType type)
    {
        using DeviceFixture fixture = new(new CpuDevice(new CpuDeviceOptions(1), vectorBits));
        for (int columns = 1; columns <= 256; columns++)
        {
            Activations input = fixture.Activations(2, columns);
            WeightMatrix weight = fixture.Weights(1, columns, type);
            double[,] expected = Reference.LayerNorm(DeviceFixture.Read(input), DeviceFixture.Read(weight), 1e-5);
            fixture.Device.LayerNorm(input, weight, 1e-5f, input);
            DeviceFixture.AssertClose(expected, input, Tolerance);
        }
    }

    [Theory, MemberData(nameof(Variants))]
    public void Embed_EveryColumnCount_IsExact(int vectorBits, ElementType type)
    {
        using DeviceFixture fixture = new(new CpuDevice(new CpuDeviceOptions(1), vectorBits));
        for (int columns = 0; columns <= 256; columns++)
        {
            WeightMatrix table = fixture.Weights(3, columns, type);
            Activations output = fixture.Activations(1, columns);
            fixture.Device.Embed(table, [2], output);
            double[,] stored = DeviceFixture.Read(table);
            for (int column = 0; column < columns; column++)
                Assert.Equal(stored[2, column], output.Row(0)[column]);
        }
    }

    private static int[] Bits(ReadOnlySpan<float> values) => MemoryMarshal.Cast<float, int>(values).ToArray();

    private static void CheckExpert(DeviceFixture fixture, ExpertWeights expert, int tokens)
    {
        int columns = expert.W1.Columns;
        Activations input = fixture.Activations(tokens, columns);
        Activations output = fixture.Activations(tokens, columns);
        ExpertAssignments assignments = new(1, tokens);
        assignments.Clear();
        assignments.BeginExpert(0);
        for (int token = 0; token < tokens; token++)
            assignments.Add(token, tokens - 1 - token, 0.5f + token);
        fixture.Device.RunExperts([expert], assignments, input, output);
        (double[,] w1, double[,] v1, double[,] w2) = (DeviceFixture.Read(expert.W1), DeviceFixture.Read(expert.V1), DeviceFixture.Read(expert.W2));
        double[,] values = DeviceFixture.Read(input);
        var expected = new double[tokens, columns];
        for (int token = 0; token < tokens; token++)
        {
            double[] row = Reference.Expert(w1, v1, w2, values, token);
            for (int column = 0; column < columns; column++)
                expected[tokens - 1 - token, column] = (0.5 + token) * row[column];
        }
        DeviceFixture.AssertClose(expected, output, Tolerance);
    }
}
