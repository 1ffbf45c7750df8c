using SpmdDbrx.Compute;
using SpmdDbrx.Engine.Experts;
using SpmdDbrx.Engine.Session;
using Xunit;

namespace SpmdDbrx.Tests.Engine;

public sealed class RoutingCheckTests
{
    private static float[] Tail(int rank, int ranks, int expertCount, int[] tokens, params int[] experts)
    {
        using CpuDevice device = new(1);
        using Routing routing = new(device, tokens.Length, experts.Length / tokens.Length) { TokenCount = tokens.Length };
        experts.CopyTo(routing.Experts);
        RoutingCheck check = new(rank, ranks, expertCount);
        float[] tail = new float[check.FloatCount(tokens.Length)];
        check.Write(tail, routing, tokens);
        return tail;
    }

    private static float[] Sum(params float[][] tails) => [.. Enumerable.Range(0, tails[0].Length).Select(index => tails.Sum(tail => tail[index]))];

    [Theory]
    [InlineData(16)]
    [InlineData(40)]
    public void Verify_RanksThatAgree_Passes(int expertCount)
    {
        int[] tokens = [3, 100_351];
        float[] sum = Sum([.. Enumerable.Range(0, 3).Select(rank => Tail(rank, 3, expertCount, tokens, 0, 15, expertCount - 1, 7))]);
        new RoutingCheck(1, 3, expertCount).Verify(sum, tokens, layer: 0, position: 0);
    }

    [Fact]
    public void Verify_RankThatChoseAnotherExpert_NamesLayerPositionAndBothChoices()
    {
        int[] tokens = [3, 4];
        float[] sum = Sum(Tail(0, 3, 16, tokens, 1, 2, 3, 4), Tail(1, 3, 16, tokens, 1, 2, 3, 4), Tail(2, 3, 16, tokens, 1, 2, 3, 5));
        foreach (int rank in new[] { 0, 1, 2 })
        {
            RankDisagreementException exception = Assert.Throws<RankDisagreementException>(
                () => new RoutingCheck(rank, 3, 16).Verify(sum, tokens, layer: 12, position: 70));
            Assert.Contains("layer 12, position 71", exception.Message, StringComparison.Ordinal);
            Assert.Contains("rank 0 has token 4 and experts 3,4", exception.Message, StringComparison.Ordinal);
            Assert.Contains("rank 2 has token 4 and experts 3,5", exception.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Verify_RankWithAnotherToken_IsFound()
    {
        float[] sum = Sum(Tail(0, 2, 16, [70_000], 1), Tail(1, 2, 16, [70_001], 1));
        Assert.Throws<RankDisagreementException>(() => new RoutingCheck(0, 2, 16).Verify(sum, [70_000], 0, 0));
    }
}
