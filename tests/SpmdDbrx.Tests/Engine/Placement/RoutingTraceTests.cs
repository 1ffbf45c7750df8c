using SpmdDbrx.Engine;
using SpmdDbrx.Engine.Placement;
using Xunit;

namespace SpmdDbrx.Tests.Engine.Placement;

public sealed class RoutingTraceTests : IDisposable
{
    private readonly string file = Path.GetTempFileName();

    public void Dispose() => File.Delete(file);

    [Fact]
    public void WriterAndReader_RoundTrip_KeepEveryChoice()
    {
        using (FileStream stream = File.Create(file))
        using (RoutingTraceWriter writer = new(stream, layerCount: 3, expertCount: 16, topK: 2))
        {
            writer.Append([5, 1, 0, 15, 7, 8]);
            writer.Append([2, 3, 4, 5, 6, 7]);
        }
        RoutingTrace trace = RoutingTrace.Load(file);
        Assert.Equal((2, 3, 16, 2), (trace.TokenCount, trace.LayerCount, trace.ExpertCount, trace.TopK));
        Assert.Equal([0, 15], trace.Experts(0, 1).ToArray());
        Assert.Equal([6, 7], trace.Experts(1, 2).ToArray());
    }

    [Theory]
    [InlineData("[[0,1],[2,4]]", "line 2", "a whole number from 0 to 3, found 4")]
    [InlineData("[[0,1]]", "line 2", "expected 2 layers, found 1")]
    [InlineData("[[0,1],[2,2]]", "line 2", "token[1]: expected 2 different experts")]
    [InlineData("[[0,1],[2]]", "line 2", "token[1]: expected 2 different experts")]
    [InlineData("[[0,1],", "line 2", "not valid JSON")]
    public void Load_BadToken_NamesFileLineAndField(string line, string where, string expected)
    {
        File.WriteAllText(file, $$"""{"format": "spmd-dbrx-routing-trace/1", "layers": 2, "experts": 4, "top_k": 2}""" + "\n" + line + "\n");
        InvalidInputException error = Assert.Throws<InvalidInputException>(() => RoutingTrace.Load(file));
        Assert.StartsWith($"{file}: {where}", error.Message, StringComparison.Ordinal);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_HeaderOnly_IsAnError()
    {
        File.WriteAllText(file, """{"format": "spmd-dbrx-routing-trace/1", "layers": 2, "experts": 4, "top_k": 2}""");
        Assert.Contains("holds no tokens", Assert.Throws<InvalidInputException>(() => RoutingTrace.Load(file)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Synthetic_UniformRouting_HasTheExpectedMaxLoad()
    {
        RoutingDistribution routing = RoutingDistribution.FromTrace(RoutingTrace.Synthetic(500, 40, 16, 4, seed: 1));
        double mean = ExpectedMaxLoad.Of(ExpertPlacement.Contiguous(16, 2), routing).Mean;
        Assert.InRange(mean, (4816.0 / 1820) - 0.02, (4816.0 / 1820) + 0.02);
    }
}
