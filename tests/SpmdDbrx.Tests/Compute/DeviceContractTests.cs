using SpmdDbrx.Compute;
using Xunit;

namespace SpmdDbrx.Tests.Compute;

/// <summary>What every device must compute, against <see cref="Reference"/>; derive a class for each device.</summary>
public abstract class DeviceContractTests
{
    private const double Tolerance = 2e-5;

    /// <summary>A device of its own for one test.</summary>
    protected abstract IDevice CreateDevice();

    public static TheoryData<ElementType> Types => [.. Enum.GetValues<ElementType>()];

    [SkippableTheory, MemberData(nameof(Types))]
    public void Embed_OddAndEvenColumns_IsExact(ElementType type)
    {
        using DeviceFixture fixture = new(CreateDevice());
        foreach (int columns in new[] { 1, 3, 64, 255, 256, 257, 6144 })
        {
            WeightMatrix table = fixture.Weights(5, columns, type);
            Activations output = fixture.Activations(3, columns);
            fixture.Device.Embed(table, [4, 0, 4], output);
            fixture.Device.Complete();
            double[,] stored = DeviceFixture.Read(table);
            for (int column = 0; column < columns; column++)
            {
                Assert.Equal(stored[4, column], output.Row(0)[column]);
                Assert.Equal(stored[0, column], output.Row(1)[column]);
                Assert.Equal(stored[4, column], output.Row(2)[column]);
            }
        }
    }

    [SkippableTheory, MemberData(nameof(Types))]
    public void LayerNorm_InPlaceAndNot_MatchesReference(ElementType type)
    {
        using DeviceFixture fixture = new(CreateDevice());
        foreach (int columns in new[] { 1, 2, 31, 33, 128, 1000, 1025, 6144 })
        {
            Activations input = fixture.Activations(3, columns);
            foreach (ref float value in input.Values)
                value = (value * 0.1f) + 5;  // a large mean: squares summed before it is subtracted would cancel
            WeightMatrix weight = fixture.Weights(1, columns, type);
            double[,] expected = Reference.LayerNorm(DeviceFixture.Read(input), DeviceFixture.Read(weight), 1e-5);
            Activations output = fixture.Activations(3, columns);
            fixture.Device.LayerNorm(input, weight, 1e-5f, output);
            fixture.Device.LayerNorm(input, weight, 1e-5f, input);
            fixture.Device.Complete();
            DeviceFixture.AssertClose(expected, output, 1e-4);
            DeviceFixture.AssertClose(expected, input, 1e-4);
        }
    }

    public static TheoryData<ElementType, int, int, int> Products
    {
        get
        {
            TheoryData<ElementType, int, int, int> data = [];
            foreach (ElementType type in Enum.GetValues<ElementType>())
            {
                foreach ((int tokens, int rows, int columns) in new[]
                {
                    (1, 1, 1), (1, 5, 3), (1, 37, 132), (1, 101, 515), (2, 66, 131), (3, 40, 200), (4, 33, 77), (4, 130, 128),
                    (1, 16, 6144), (3, 7, 1001), (1, 40, 6144),               // few outputs: split
                    (5, 64, 32), (7, 101, 300), (32, 64, 64), (33, 97, 259), (70, 130, 96),  // tiles with ragged edges
                })
                    data.Add(type, tokens, rows, columns);
            }
            return data;
        }
    }

    [SkippableTheory, MemberData(nameof(Products))]
    public void Multiply_AnyShape_MatchesReference(ElementType type, int tokens, int rows, int columns)
    {
        using DeviceFixture fixture = new(CreateDevice());
        Activations input = fixture.Activations(tokens, columns);
        WeightMatrix weight = fixture.Weights(rows, columns, type);
        Activations output = fixture.Activations(tokens, rows);
        fixture.Device.Multiply(input, weight, output);
        fixture.Device.Complete();
        DeviceFixture.AssertClose(Reference.Multiply(DeviceFixture.Read(input), DeviceFixture.Read(weight)), output, Tolerance);
    }

    [SkippableFact]
    public void Multiply_SlicesOfOneBuffer_MatchesReference()
    {
        using DeviceFixture fixture = new(CreateDevice());
        Activations block = fixture.Activations(7, 37);
        WeightMatrix weight = fixture.Weights(11, 37, ElementType.BFloat16);
        Activations output = fixture.Activations(5, 11);
        double[,] expected = Reference.Multiply(DeviceFixture.Read(block.Slice(3, 2)), DeviceFixture.Read(weight));
        fixture.Device.Multiply(block.Slice(3, 2), weight, output.Slice(1, 2));
        fixture.Device.Complete();
        DeviceFixture.AssertClose(expected, output.Slice(1, 2), Tolerance);
    }

    [SkippableTheory]
    [InlineData(16, 4, 1f)]
    [InlineData(16, 4, null)]
    [InlineData(8, 2, 1f)]
    [InlineData(5, 5, 2f)]
    [InlineData(128, 8, 1f)]
    [InlineData(33, 1, 3f)]
    [InlineData(300, 6, null)]
    public void Route_TiesAndNorms_MatchesReference(int experts, int topK, float? power)
    {
        const int Tokens = 9;
        using DeviceFixture fixture = new(CreateDevice());
        Activations logits = fixture.Activations(Tokens, experts);
        logits.Row(0).Fill(0.5f);  // all tie: the lowest indices win
        logits.Row(1)[experts - 1] = logits.Row(1)[0] = 9;
        using Routing routing = new(fixture.Device, Tokens, topK);
        fixture.Device.Route(logits, power, routing);
        fixture.Device.Complete();
        Assert.Equal(Tokens, routing.TokenCount);
        for (int token = 0; token < Tokens; token++)
        {
            (int[] chosen, double[] weights) = ExpectedRoute(logits.Row(token), topK, power);
            Assert.Equal(chosen, routing.Experts.Slice(token * topK, topK).ToArray());
            for (int k = 0; k < topK; k++)
                Assert.Equal(weights[k], routing.Weights[(token * topK) + k], 1e-6);
        }
    }

    public static TheoryData<ElementType, int, int, int, bool> Experts
    {
        get
        {
            TheoryData<ElementType, int, int, int, bool> data = [];
            foreach (ElementType type in Enum.GetValues<ElementType>())
            {
                foreach ((int tokens, int neurons, int columns) in new[]
                    { (1, 192, 128), (1, 37, 250), (3, 33, 77), (9, 100, 65), (40, 70, 200),
                      (1, 8, 6144), (1, 10752, 8) })  // DBRX's sums over D and over F
                {
                    data.Add(type, tokens, neurons, columns, true);
                    data.Add(type, tokens, neurons, columns, false);
                }
            }
            return data;
        }
    }

    [SkippableTheory, MemberData(nameof(Experts))]
    public void RunExperts_AnyTokensAndLayout_MatchesReference(ElementType type, int tokens, int neurons, int columns, bool neuronMajor)
    {
        using DeviceFixture fixture = new(CreateDevice());
        ExpertWeights[] experts = [.. Enumerable.Range(0, 4).Select(_ => fixture.Expert(neurons, columns, type, neuronMajor))];
        Activations input = fixture.Activations(tokens, columns);
        Activations output = fixture.Activations(tokens, columns);
        ExpertAssignments assignments = Assign(tokens);
        double[,] expected = ExpectedExperts(experts, assignments, input, tokens);
        fixture.Device.RunExperts(experts, assignments, input, output);
        fixture.Device.Complete();
        DeviceFixture.AssertClose(expected, output, Tolerance);
    }

    /// <summary>D, experts and top-k of DBRX, Mixtral 8x7B, Qwen3-30B-A3B, OLMoE, Phi-3.5-MoE and the tiny model.</summary>
    public static TheoryData<int, int, int> Archetypes => new()
    {
        { 6144, 16, 4 }, { 4096, 8, 2 }, { 2048, 128, 8 }, { 2048, 64, 8 }, { 4096, 16, 2 }, { 128, 16, 4 },
    };

    [SkippableTheory, MemberData(nameof(Archetypes))]
    public void RouterAndExperts_ArchetypeWidths_MatchReference(int columns, int expertCount, int topK)
    {
        using DeviceFixture fixture = new(CreateDevice());
        Activations hidden = fixture.Activations(1, columns), normed = fixture.Activations(1, columns);
        Activations logits = fixture.Activations(1, expertCount), output = fixture.Activations(1, columns);
        WeightMatrix norm = fixture.Weights(1, columns, ElementType.BFloat16);
        WeightMatrix router = fixture.Weights(expertCount, columns, ElementType.BFloat16, 1 / MathF.Sqrt(columns));
        ExpertWeights[] experts = [.. Enumerable.Range(0, expertCount).Select(_ => fixture.Expert(3, columns, ElementType.BFloat16, neuronMajor: true))];
        using Routing routing = new(fixture.Device, 1, topK);
        fixture.Device.LayerNorm(hidden, norm, 1e-5f, normed);
        fixture.Device.Multiply(normed, router, logits);
        fixture.Device.Route(logits, 1f, routing);
        fixture.Device.Complete();
        DeviceFixture.AssertClose(Reference.LayerNorm(DeviceFixture.Read(hidden), DeviceFixture.Read(norm), 1e-5), normed, Tolerance);
        DeviceFixture.AssertClose(Reference.Multiply(DeviceFixture.Read(normed), DeviceFixture.Read(router)), logits, Tolerance);
        Assert.Equal(ExpectedRoute(logits.Row(0), topK, 1f).Chosen, routing.Experts.ToArray());

        ExpertAssignments assignments = new(topK, topK);
        assignments.Clear();
        for (int slot = 0; slot < topK; slot++)
        {
            assignments.BeginExpert(routing.Experts[slot]);
            assignments.Add(0, 0, routing.Weights[slot]);
        }
        fixture.Device.RunExperts(experts, assignments, normed, output);
        fixture.Device.Complete();
        DeviceFixture.AssertClose(ExpectedExperts(experts, assignments, normed, 1), output, Tolerance);
    }

    [SkippableFact]
    public void RunExperts_WithoutAssignments_ClearsTheOutput()
    {
        using DeviceFixture fixture = new(CreateDevice());
        Activations input = fixture.Activations(2, 10), output = fixture.Activations(2, 10);
        ExpertAssignments none = new(1, 1);
        none.Clear();
        fixture.Device.RunExperts([fixture.Expert(3, 10, ElementType.Float32, neuronMajor: true)], none, input, output);
        fixture.Device.Complete();
        Assert.All(output.Values.ToArray(), value => Assert.Equal(0, value));
    }

    [SkippableFact]
    public void AddAndSumGroups_OddColumns_AreExact()
    {
        using DeviceFixture fixture = new(CreateDevice());
        Activations target = fixture.Activations(3, 301), addend = fixture.Activations(3, 301);
        float[] expected = [.. target.Values.ToArray().Zip(addend.Values.ToArray(), (a, b) => a + b)];
        Activations groups = fixture.Activations(8, 301), sums = fixture.Activations(2, 301);
        fixture.Device.Add(target, addend);
        fixture.Device.SumGroups(groups, 4, sums);
        fixture.Device.Complete();
        Assert.Equal(expected, target.Values.ToArray());
        for (int token = 0; token < 2; token++)
        {
            for (int column = 0; column < 301; column++)
            {
                float sum = 0;
                for (int row = 0; row < 4; row++)
                    sum += groups.Row((token * 4) + row)[column];
                Assert.Equal(sum, sums.Row(token)[column]);
            }
        }
    }

    [SkippableFact]
    public void Operations_DependingOnEachOther_TakeEffectInOrder()
    {
        using DeviceFixture fixture = new(CreateDevice());
        Activations hidden = fixture.Activations(2, 64), normed = fixture.Activations(2, 64), product = fixture.Activations(2, 64);
        WeightMatrix norm = fixture.Weights(1, 64, ElementType.Float32), weight = fixture.Weights(64, 64, ElementType.Float32, 0.125f);
        double[,] expected = DeviceFixture.Read(hidden);
        for (int layer = 0; layer < 4; layer++)
        {
            fixture.Device.LayerNorm(hidden, norm, 1e-5f, normed);
            fixture.Device.Multiply(normed, weight, product);
            fixture.Device.Add(hidden, product);
            double[,] addend = Reference.Multiply(Reference.LayerNorm(expected, DeviceFixture.Read(norm), 1e-5), DeviceFixture.Read(weight));
            for (int row = 0; row < 2; row++)
            {
                for (int column = 0; column < 64; column++)
                    expected[row, column] += addend[row, column];
            }
        }
        fixture.Device.Complete();
        DeviceFixture.AssertClose(expected, hidden, 1e-4);
    }

    [SkippableFact]
    public void Touch_OneByteChanged_ReadsIt()
    {
        using DeviceFixture fixture = new(CreateDevice());
        DeviceBuffer buffer = fixture.Own(fixture.Device.Allocate(100_003));
        foreach (long position in new long[] { 0, 15, 50_000, 100_000, 100_002 })
        {
            buffer.Span<byte>(0, 100_003).Clear();
            Assert.Equal(0, fixture.Device.Touch(buffer));
            buffer.Span<byte>(position, 1)[0] = 1;
            Assert.True(fixture.Device.Touch(buffer) > 0, $"byte {position} was not read");
        }
    }

    [SkippableFact]
    public void Touch_PartOfABuffer_ReadsThatPartOnly()
    {
        using DeviceFixture fixture = new(CreateDevice());
        DeviceBuffer buffer = fixture.Own(fixture.Device.Allocate(100_003));
        const int Start = 32_768, Bytes = 50_001;
        foreach ((int position, bool isRead) in new[] { (0, false), (Start - 1, false), (Start, true), (Start + Bytes - 1, true), (Start + Bytes, false), (100_002, false) })
        {
            buffer.Span<byte>(0, 100_003).Clear();
            buffer.Span<byte>(position, 1)[0] = 1;
            Assert.Equal(isRead, fixture.Device.Touch(buffer, Start, Bytes) > 0);
        }
    }

    public static TheoryData<int, int, int> AttentionShapes => new()
    {
        { 4, 2, 32 }, { 6, 2, 128 }, { 5, 5, 6 }, { 3, 1, 50 }, { 2, 1, 256 }, { 48, 8, 128 },
    };

    [SkippableTheory, MemberData(nameof(AttentionShapes))]
    public void Attend_SeveralBatches_MatchesReference(int heads, int kvHeads, int headDim)
    {
        using DeviceFixture fixture = new(CreateDevice());
        AttentionShape shape = new(heads, kvHeads, headDim, Clip: 1.5f);
        using AttentionCase attention = new(fixture, shape, capacity: 131);
        foreach (int tokens in heads > 8 ? new[] { 1, 5, 1 } : [3, 1, 41, 1, 9, 1, 70, 4])
            attention.Check(tokens, Tolerance);
    }

    [SkippableFact]
    public void Attend_LongContext_MatchesReference()
    {
        using DeviceFixture fixture = new(CreateDevice());
        using AttentionCase attention = new(fixture, new AttentionShape(4, 2, 32, Clip: null), capacity: 1200);
        attention.Check(1021, Tolerance);
        foreach (int tokens in new[] { 1, 1, 1, 2, 4, 1 })
            attention.Check(tokens, Tolerance);
    }

    /// <summary>Expert 2 gets every token, expert 0 every third one, expert 3 the last one twice; expert 1 none.</summary>
    private static ExpertAssignments Assign(int tokens)
    {
        ExpertAssignments assignments = new(4, (2 * tokens) + 2);
        assignments.Clear();
        assignments.BeginExpert(2);
        for (int token = 0; token < tokens; token++)
            assignments.Add(token, token, 0.25f + (0.01f * token));
        assignments.BeginExpert(0);
        for (int token = 0; token < tokens; token += 3)
            assignments.Add(token, tokens - 1 - token, 0.5f);
        assignments.BeginExpert(3);
        assignments.Add(tokens - 1, 0, 1f);
        assignments.Add(tokens - 1, 0, -0.5f);
        return assignments;
    }

    private static double[,] ExpectedExperts(ExpertWeights[] experts, ExpertAssignments assignments, Activations input, int rows)
    {
        double[,] expected = new double[rows, input.Columns], inputs = DeviceFixture.Read(input);
        for (int group = 0; group < assignments.ExpertCount; group++)
        {
            ExpertWeights expert = experts[assignments.Expert(group)];
            (double[,] w1, double[,] v1, double[,] w2) = (DeviceFixture.Read(expert.W1), DeviceFixture.Read(expert.V1), DeviceFixture.Read(expert.W2));
            for (int index = assignments.Start(group); index < assignments.Start(group + 1); index++)
            {
                double[] row = Reference.Expert(w1, v1, w2, inputs, assignments.InputRows[index]);
                for (int column = 0; column < input.Columns; column++)
                    expected[assignments.OutputRows[index], column] += assignments.Weights[index] * row[column];
            }
        }
        return expected;
    }

    private static (int[] Chosen, double[] Weights) ExpectedRoute(Span<float> logits, int topK, float? power)
    {
        double[] scores = [.. logits.ToArray().Select(logit => (double)logit)];
        double largest = scores.Max(), sum = scores.Sum(score => Math.Exp(score - largest));
        int[] chosen = [.. Enumerable.Range(0, scores.Length).OrderByDescending(expert => scores[expert]).ThenBy(expert => expert).Take(topK)];
        double[] weights = [.. chosen.Select(expert => Math.Exp(scores[expert] - largest) / sum)];
        double norm = power is float p ? Math.Pow(weights.Sum(weight => Math.Pow(weight, p)), 1 / p) : 1;
        return (chosen, [.. weights.Select(weight => weight / norm)]);
    }
}
