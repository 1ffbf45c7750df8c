using SpmdDbrx.Engine.Sampling;
using SpmdDbrx.Engine.Session;
using Xunit;

namespace SpmdDbrx.Tests.Engine;

public sealed class SamplerTests
{
    private static readonly float[] Logits = [1f, 3f, 2f, 3f, -50f, 0f];

    private static double[] Frequencies(SamplingOptions options, int draws = 20_000)
    {
        Sampler sampler = new(options, Logits.Length);
        double[] counts = new double[Logits.Length];
        for (int draw = 0; draw < draws; draw++)
            counts[sampler.Sample(Logits, draw)] += 1.0 / draws;
        return counts;
    }

    private static double[] Softmax(double temperature, params int[] kept)
    {
        double[] weights = [.. Logits.Select((logit, token) => kept.Contains(token) ? Math.Exp(logit / temperature) : 0)];
        return [.. weights.Select(weight => weight / weights.Sum())];
    }

    private static void RequireClose(double[] expected, double[] found)
    {
        for (int token = 0; token < expected.Length; token++)
            Assert.Equal(expected[token], found[token], tolerance: 0.015);
    }

    [Fact]
    public void Sample_TemperatureZero_TakesTheLowestOfEqualLogits() => Assert.Equal(1, new Sampler(new SamplingOptions(), Logits.Length).Sample(Logits, 0));

    [Theory]
    [InlineData(1.0)]
    [InlineData(0.5)]
    [InlineData(2.0)]
    public void Sample_Temperature_FollowsTheSoftmax(double temperature) =>
        RequireClose(Softmax(temperature, 0, 1, 2, 3, 4, 5), Frequencies(new SamplingOptions { Temperature = temperature, Seed = 7 }));

    [Fact]
    public void Sample_TopK_DrawsFromTheMostProbable() =>
        RequireClose(Softmax(1, 1, 2, 3), Frequencies(new SamplingOptions { Temperature = 1, TopK = 3, Seed = 1 }));

    [Fact]
    public void Sample_TopP_DrawsFromTheShortestPrefixWithThatMass()
    {
        // Probabilities 0.39, 0.39, 0.14, 0.05, 0.02: 0.7 needs two tokens, 0.8 three.
        RequireClose(Softmax(1, 1, 3), Frequencies(new SamplingOptions { Temperature = 1, TopP = 0.7, Seed = 2 }));
        RequireClose(Softmax(1, 1, 2, 3), Frequencies(new SamplingOptions { Temperature = 1, TopP = 0.8, Seed = 3 }));
    }

    [Fact]
    public void Sample_TopPZero_IsGreedy() => Assert.Equal(1.0, Frequencies(new SamplingOptions { Temperature = 1, TopP = 0, Seed = 4 }, 50)[1], precision: 9);

    [Fact]
    public void Sample_TopKAndTopP_AppliesTopPToTheTopK() =>
        RequireClose(Softmax(1, 1, 3), Frequencies(new SamplingOptions { Temperature = 1, TopK = 3, TopP = 0.83, Seed = 5 }));

    [Fact]
    public void Sample_SameSeed_GivesTheSameTokens()
    {
        SamplingOptions options = new() { Temperature = 1.3, Seed = 99 };
        Sampler first = new(options, Logits.Length);
        Sampler second = new(options, Logits.Length);
        Assert.All(Enumerable.Range(0, 200), position => Assert.Equal(first.Sample(Logits, position), second.Sample(Logits, position)));
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void Sample_LogitNotFinite_IsAnErrorThatNamesThePosition(float bad)
    {
        Sampler sampler = new(new SamplingOptions { Temperature = 1 }, 3);
        EngineException exception = Assert.Throws<EngineException>(() => sampler.Sample([0f, bad, 1f], 17));
        Assert.Contains("position 17", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Sample_LargeVocabulary_AllocatesNothing()
    {
        float[] logits = [.. Enumerable.Range(0, 100_352).Select(token => MathF.Sin(token) * 8)];
        Sampler sampler = new(new SamplingOptions { Temperature = 0.8, TopP = 0.95, TopK = 50, Seed = 1 }, logits.Length);
        sampler.Sample(logits, 0);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int position = 0; position < 10; position++)
            sampler.Sample(logits, position);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }
}
