using SpmdDbrx.Engine.Benchmarks;
using SpmdDbrx.Engine.Performance.Inputs;
using SpmdDbrx.Model;
using Xunit;

namespace SpmdDbrx.Tests.Engine.Benchmarks;

/// <summary>The bytes that bench counts, against sums written out.</summary>
public sealed class TokenWorkTests(PrestackedTinyModel model) : IClassFixture<PrestackedTinyModel>
{
    private ModelConfig Config => ModelDirectory.Open(model.ModelPath).Config;

    private ModelShape Shape => ModelShape.From("tiny", Config);

    private double Head => 2.0 * Shape.LmHeadWeights;

    private double Layers => 2.0 * Shape.LayerCount * (Shape.AttentionWeights + Shape.RouterWeights);

    private double CacheOfToken => Shape.LayerCount * 2.0 * Shape.KvDim * sizeof(float);

    [Theory]
    [InlineData(16, 0, 16, 1, 16)]
    [InlineData(16, 0, 512, 1, 16)]
    [InlineData(16, 0, 5, 4, 5 + 10 + 15 + 16)]
    [InlineData(16, 100, 8, 2, 108 + 116)]
    public void PromptBytes_AnyBatch_WeightsAndCacheOnceABatch(int tokens, int depth, int batch, int batches, int positions) =>
        Assert.Equal((batches * Layers) + (positions * CacheOfToken), new TokenWork(Config).PromptBytes(tokens, depth, batch), 1e-6);

    [Fact]
    public void LmHeadBytes_AnyModel_IsTheWholeMatrix() => Assert.Equal(Head, new TokenWork(Config).LmHeadBytes, 1e-6);

    [Fact]
    public void GenerationBytes_BehindOthers_EverythingOnceAToken() =>
        Assert.Equal((3 * Layers) + ((11 + 12 + 13) * CacheOfToken), new TokenWork(Config).GenerationBytes(3, depth: 10), 1e-6);
}
