using SpmdDbrx.Compute;
using SpmdDbrx.Compute.Cpu;
using SpmdDbrx.Engine.Generation;
using SpmdDbrx.Engine.Session;
using SpmdDbrx.Mpi;
using Xunit;

namespace SpmdDbrx.Tests.Compute.Cpu;

/// <summary>Products of many tokens rounded to bfloat16: in float32, on the tiles of native/cpu with their instruction written in C++,
/// and on the processor's own instruction where it has one.</summary>
public class BFloat16PrefillTests(PrestackedTinyModel model) : IClassFixture<PrestackedTinyModel>
{
    /// <summary>The references round activations as the device does, so that only float32 sums differ.</summary>
    private const double Tolerance = 2e-5;

    /// <summary>How prefill multiplies, and the register width; int because <see cref="PrefillTiles"/> is internal.</summary>
    public static TheoryData<int, int> Variants => new()
    {
        { (int)PrefillTiles.RoundedFloat, 128 },
        { (int)PrefillTiles.RoundedFloat, 256 },
        { (int)PrefillTiles.RoundedFloat, 512 },
        { (int)PrefillTiles.PortableBFloat16, 512 },
        { (int)PrefillTiles.BFloat16, CpuDevice.WidestVectorBits },
    };

    [SkippableTheory, MemberData(nameof(Variants))]
    public void Multiply_EveryColumnCount_MatchesRoundedReference(int tiles, int vectorBits)
    {
        for (int columns = 0; columns <= 256; columns++)
        {
            using DeviceFixture fixture = new(CreateDevice(tiles, vectorBits), columns);
            CheckMultiply(fixture, tokens: 9 + (columns % 40), rows: 1 + (columns % 29), columns);
        }
    }

    [SkippableTheory, MemberData(nameof(Variants))]
    public void Multiply_SeveralBlocks_MatchesRoundedReference(int tiles, int vectorBits)
    {
        using DeviceFixture fixture = new(CreateDevice(tiles, vectorBits));
        CheckMultiply(fixture, tokens: 100, rows: 250, columns: 700);
        CheckMultiply(fixture, tokens: 33, rows: 193, columns: 1025);
        CheckMultiply(fixture, tokens: 33, rows: 193, columns: 1152, strips: 3);
    }

    [SkippableTheory, MemberData(nameof(Variants))]
    public void RunExperts_OddSizes_MatchesRoundedReference(int tiles, int vectorBits)
    {
        using DeviceFixture fixture = new(CreateDevice(tiles, vectorBits));
        foreach ((int tokens, int neurons, int columns) in new[] { (9, 1, 1), (20, 37, 33), (35, 97, 200), (64, 300, 385) })
            CheckExpert(fixture, tokens, neurons, columns);
        CheckExpert(fixture, tokens: 35, neurons: 97, columns: 1152, strips: 3);
    }

    [SkippableTheory, MemberData(nameof(Variants))]
    public void RunExperts_EveryNeuronCount_MatchesRoundedReference(int tiles, int vectorBits)
    {
        for (int neurons = 1; neurons <= 256; neurons++)
        {
            using DeviceFixture fixture = new(CreateDevice(tiles, vectorBits), neurons);
            CheckExpert(fixture, tokens: 9 + (neurons % 13), neurons, columns: 21);
        }
    }

    [SkippableTheory, MemberData(nameof(Variants))]
    public void Multiply_OneToken_IsNotRounded(int tiles, int vectorBits)
    {
        using DeviceFixture fixture = new(CreateDevice(tiles, vectorBits));
        Activations input = fixture.Activations(1, 100);
        WeightMatrix weight = fixture.Weights(20, 100, ElementType.BFloat16);
        Activations output = fixture.Activations(1, 20);
        fixture.Device.Multiply(input, weight, output);
        DeviceFixture.AssertClose(Reference.Multiply(DeviceFixture.Read(input), DeviceFixture.Read(weight)), output, Tolerance);
    }

    [SkippableTheory, MemberData(nameof(Variants))]
    public void Multiply_ValuesThatDoNotRound_StayWhatTheyAre(int tiles, int vectorBits)
    {
        using DeviceFixture fixture = new(CreateDevice(tiles, vectorBits));
        WeightMatrix weight = fixture.Weights(1, 1, ElementType.BFloat16);
        weight.Buffer.Span<ushort>(0, 1)[0] = 0x3F80; // 1
        // Largest float, a tie that goes down and one that goes up, infinity, and the NaN whose set bits are all cut off.
        float[] values = [float.MaxValue, 1.00390625f, 1.01171875f, float.NegativeInfinity, BitConverter.UInt32BitsToSingle(0x7F80_0001), -0.5f, 0, 1, 2];
        Activations input = fixture.Activations(values.Length, 1);
        values.CopyTo(input.Values);
        Activations output = fixture.Activations(values.Length, 1);
        fixture.Device.Multiply(input, weight, output);
        Assert.Equal([float.PositiveInfinity, 1, 1.015625f, float.NegativeInfinity, float.NaN, -0.5f, 0, 1, 2], output.Values.ToArray());
    }

    [SkippableTheory, MemberData(nameof(Variants))]
    public void Generate_GoldenPrompts_GivesTheGoldenTokens(int tiles, int vectorBits)
    {
        double largest = 0;
        foreach (GoldenPrompt prompt in TinyModelGolden.Instance.Prompts)
        {
            using SingleRankCommunicator world = new();
            using CpuDevice device = CreateDevice(tiles, vectorBits);
            using RankSession session = RankSession.Open(world, device, model.ModelPath, new EngineOptions());
            float[] logits = [];
            GenerationRequest request = new()
            {
                PromptTokens = prompt.Ids,
                MaxTokens = prompt.GreedyTokens.Length,
                OnLogits = (position, row) => logits = position == prompt.Ids.Length - 1 ? row.ToArray() : logits,
            };
            Assert.Equal(prompt.GreedyTokens, new Generator(session, tokenizer: null).Run(request).Tokens);
            ReadOnlySpan<float> expected = prompt.LastLogits;
            for (int token = 0; token < expected.Length; token++)
                largest = Math.Max(largest, Math.Abs(expected[token] - logits[token]));
        }
        // What PrefillPrecision.BFloat16 tells users; far less would mean that the option does nothing.
        Assert.InRange(largest, 0.002, 0.03);
    }

    [Fact]
    public void Constructor_BFloat16_SaysWhatItComputesWith()
    {
        using CpuDevice device = new(new CpuDeviceOptions(1) { Prefill = PrefillPrecision.BFloat16 });
        Assert.Contains(CpuDevice.HasBFloat16DotProducts ? "prefill in bfloat16" : "prefill rounded to bfloat16", device.Description, StringComparison.Ordinal);
    }

    private static CpuDevice CreateDevice(int tiles, int vectorBits)
    {
        Skip.If(tiles == (int)PrefillTiles.PortableBFloat16 && NativeKernels.Portable is null, "libspmd_cpu is not built: run `make -C native/cpu`");
        Skip.If(tiles == (int)PrefillTiles.BFloat16 && !CpuDevice.HasBFloat16DotProducts, "this processor has no bfloat16 dot products");
        return new CpuDevice(new CpuDeviceOptions(2), vectorBits, (PrefillTiles)tiles);
    }

    private static void CheckMultiply(DeviceFixture fixture, int tokens, int rows, int columns, int strips = 1)
    {
        Activations input = fixture.Activations(tokens, columns);
        WeightMatrix weight = fixture.Weights(rows, columns, ElementType.BFloat16, 1, strips);
        Activations output = fixture.Activations(tokens, rows);
        fixture.Device.Multiply(input, weight, output);
        DeviceFixture.AssertClose(Reference.Multiply(Round(DeviceFixture.Read(input)), DeviceFixture.Read(weight)), output, Tolerance);
    }

    private static void CheckExpert(DeviceFixture fixture, int tokens, int neurons, int columns, int strips = 1)
    {
        ExpertWeights expert = fixture.Expert(neurons, columns, ElementType.BFloat16, strips);
        Activations input = fixture.Activations(tokens, columns);
        Activations output = fixture.Activations(tokens, columns);
        ExpertAssignments assignments = new(1, tokens);
        assignments.Clear();
        assignments.BeginExpert(0);
        for (int token = 0; token < tokens; token++)
            assignments.Add(token, token, 0.5f);
        fixture.Device.RunExperts([expert], assignments, input, output);
        // A hidden value next to the middle between two bfloat16 values may be rounded either way: 2^-9 of one neuron's share.
        DeviceFixture.AssertClose(Expert(expert, DeviceFixture.Read(input)), output, 2e-3);
    }

    private static double[,] Expert(ExpertWeights expert, double[,] input)
    {
        double[,] rounded = Round(input);
        double[,] gates = Reference.Multiply(rounded, DeviceFixture.Read(expert.W1));
        double[,] hidden = Reference.Multiply(rounded, DeviceFixture.Read(expert.V1));
        double[,] w2 = DeviceFixture.Read(expert.W2);
        var output = new double[input.GetLength(0), input.GetLength(1)];
        for (int token = 0; token < hidden.GetLength(0); token++)
        {
            for (int neuron = 0; neuron < hidden.GetLength(1); neuron++)
            {
                double gate = gates[token, neuron];
                double value = Round((float)(gate / (1 + Math.Exp(-gate)) * hidden[token, neuron]));
                for (int column = 0; column < output.GetLength(1); column++)
                    output[token, column] += 0.5 * value * w2[neuron, column];
            }
        }
        return output;
    }

    private static double[,] Round(double[,] values)
    {
        var rounded = (double[,])values.Clone();
        for (int row = 0; row < rounded.GetLength(0); row++)
        {
            for (int column = 0; column < rounded.GetLength(1); column++)
                rounded[row, column] = Round((float)rounded[row, column]);
        }
        return rounded;
    }

    /// <summary>The nearest float with 8 significant bits, ties to even.</summary>
    private static double Round(float value)
    {
        if (value == 0)
            return 0;
        double unit = Math.Pow(2, Math.Floor(Math.Log2(Math.Abs(value))) - 7);
        return Math.Round(value / unit, MidpointRounding.ToEven) * unit;
    }
}
