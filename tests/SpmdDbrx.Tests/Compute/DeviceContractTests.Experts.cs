using SpmdDbrx.Compute;
using Xunit;

namespace SpmdDbrx.Tests.Compute;

public abstract partial class DeviceContractTests
{
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

    public static TheoryData<ElementType, int, int, int, int> Experts
    {
        get
        {
            TheoryData<ElementType, int, int, int, int> data = [];
            foreach (ElementType type in Enum.GetValues<ElementType>())
            {
                foreach ((int tokens, int neurons, int columns, int strips) in new[]
                    { (1, 192, 128, 1), (1, 37, 250, 1), (3, 33, 77, 1), (9, 100, 65, 1), (40, 70, 200, 1),
                      (1, 192, 256, 2), (1, 37, 1152, 3), (3, 33, 256, 2), (9, 100, 1152, 3), (40, 70, 256, 2),
                      (1, 8, 6144, 3), (1, 10752, 8, 1) })  // DBRX's sums over D and over F
                    data.Add(type, tokens, neurons, columns, strips);
            }
            return data;
        }
    }

    [SkippableTheory, MemberData(nameof(Experts))]
    public void RunExperts_AnyTokensAndLayout_MatchesReference(ElementType type, int tokens, int neurons, int columns, int strips)
    {
        using DeviceFixture fixture = new(CreateDevice());
        ExpertWeights[] experts = [.. Enumerable.Range(0, 4).Select(_ => fixture.Expert(neurons, columns, type, strips))];
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
        ExpertWeights[] experts = [.. Enumerable.Range(0, expertCount).Select(_ => fixture.Expert(3, columns, ElementType.BFloat16))];
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
        fixture.Device.RunExperts([fixture.Expert(3, 10, ElementType.Float32)], none, input, output);
        fixture.Device.Complete();
        Assert.All(output.Values.ToArray(), value => Assert.Equal(0, value));
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
