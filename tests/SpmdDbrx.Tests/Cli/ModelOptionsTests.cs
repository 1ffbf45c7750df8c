using System.CommandLine;
using SpmdDbrx.Cli;
using SpmdDbrx.Compute;
using SpmdDbrx.Compute.Metal;
using SpmdDbrx.Engine.Session;
using SpmdDbrx.Mpi;
using SpmdDbrx.Tests.Compute.Metal;
using Xunit;

namespace SpmdDbrx.Tests.Cli;

/// <summary>What the devices decide where the command line does not: which experts run, and who stands by.</summary>
[Collection(MetalCollection.Name)]
public sealed class ModelOptionsTests
{
    [SkippableTheory]
    [InlineData("", Loading.RouterAided)]
    [InlineData("--topology centralized", Loading.RouterAided)]
    [InlineData("--loading on-demand", Loading.OnDemand)]
    [InlineData("--strategy naive", Loading.OnDemand)]
    [InlineData("--strategy p-lb", Loading.BusyFull)]
    public void On_GpuWithoutResidencySets_SpareExpertsRunUnlessTheUserSaysOtherwise(string arguments, Loading expected)
    {
        MetalCollection.Require();
        using MetalDevice device = new(new MetalOptions { UseResidencySets = false });
        using SingleRankCommunicator world = new();
        EngineOptions engine = Parse(arguments).On(world, device).Engine;
        Assert.Equal(expected, engine.Loading);
        Assert.True(engine.Standby);
    }

    [Fact]
    public void On_Cpu_OnlySelectedExpertsRun()
    {
        using CpuDevice device = new(1);
        using SingleRankCommunicator world = new();
        EngineOptions engine = Parse("").On(world, device).Engine;
        Assert.Equal(Loading.OnDemand, engine.Loading);
        Assert.False(engine.Standby);
    }

    [SkippableFact]
    public void On_OneOfTwoGpusWithoutResidencySets_BothRunSpareExperts()
    {
        MetalCollection.Require();
        MetalDevice[] devices = [new(), new(new MetalOptions { UseResidencySets = false })];
        Skip.IfNot(devices[0].KeepsWeightsWired, "this system has no residency sets");
        EngineOptions[] engines = new EngineOptions[devices.Length];
        InProcessWorld.Run(devices.Length, world => engines[world.Rank] = Parse("").On(world, devices[world.Rank]).Engine);
        Array.ForEach(devices, device => device.Dispose());
        Assert.All(engines, engine => Assert.Equal(Loading.RouterAided, engine.Loading));
        Assert.Equal([false, true], engines.Select(engine => engine.Standby));
    }

    [SkippableFact]
    public void WithPreset_OnAGpuWithoutResidencySets_RunsSpareExpertsToo()
    {
        MetalCollection.Require();
        using MetalDevice device = new(new MetalOptions { UseResidencySets = false });
        using SingleRankCommunicator world = new();
        ModelOptions options = Parse("--strategy p-lb").On(world, device).WithPreset("p-lr-d", Partition.Experts);
        Assert.Equal(Loading.RouterAided, options.Engine.Loading);
    }

    [Theory]
    [InlineData("shared")]
    [InlineData("contiguous")]
    [InlineData("placement.json")]
    public void Parse_PlacementOfSlices_SaysWhatWasExpectedAndFound(string placement)
    {
        UsageException error = Assert.Throws<UsageException>(() => Parse($"--partition slices --placement {placement}"));
        Assert.Contains($"--placement {placement}: ", error.Message, StringComparison.Ordinal);
        Assert.EndsWith("expected --partition experts, found --partition slices", error.Message, StringComparison.Ordinal);
    }

    private static ModelOptions Parse(string arguments)
    {
        Command command = new("run");
        Func<ParseResult, ModelOptions> options = ModelOptions.AddTo(command, Settings.Load());
        ParseResult parsed = command.Parse(["--model", "directory", .. arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries)]);
        Assert.Empty(parsed.Errors);
        return options(parsed);
    }
}
