using System.CommandLine;
using SpmdDbrx.Cli;
using SpmdDbrx.Cli.Choosing;
using SpmdDbrx.Engine.Performance;
using SpmdDbrx.Engine.Performance.Calibration;
using SpmdDbrx.Engine.Performance.Choice;
using SpmdDbrx.Engine.Performance.Inputs;
using SpmdDbrx.Engine.Placement;
using SpmdDbrx.Engine.Session;
using SpmdDbrx.Model;
using Xunit;

namespace SpmdDbrx.Tests.Cli;

/// <summary>What travels to the other ranks makes them run what rank 0 predicted.</summary>
public sealed class DecisionTests(PrestackedTinyModel model) : IClassFixture<PrestackedTinyModel>
{
    [Fact]
    public void Apply_AnyCandidate_RunsTheDeploymentThatWasPredicted()
    {
        bool[] all = [.. Enumerable.Repeat(true, 16)];
        JobConditions job = new()
        {
            Model = ModelDirectory.Open(model.ModelPath),
            Sharing = new HostSharing([0, 0, 2, 2], [all, all, all, all]),
            SharesExperts = true,
            RunsTogether = true,
            Deterministic = false,
            ContextLength = 512,
            BatchTokens = 512,
        };
        DeploymentChoice choice = DeploymentChoice.Make(
            job, new ClusterCalibration(Catalogue.Hardware("m2-ultra-192"), Catalogue.Network("10gbe"), Catalogue.Software("ideal"), RanksPerNode: 2));
        Assert.Equal(
            [Spread.EachOnce, Spread.SharedOnNode, Spread.Ring, Spread.Searched, Spread.Slices, Spread.SharedOnNode, Spread.EachOnce],
            choice.Candidates.Select(candidate => candidate.Alternative.Spread));
        Assert.All(choice.Candidates, candidate =>
        {
            Deployment predicted = candidate.Alternative.Prediction.Deployment;
            EngineOptions options = Decision.Parse(Decision.For(candidate).ToText()).Apply(Given(), 16).Engine;
            // As a session does.
            ExpertPlacement? placement = options.Partition == Partition.Slices ? null : options.Placement ?? ExpertPlacement.Contiguous(16, 4);
            if (options.SharesExperts)
                placement = job.Sharing.Share(placement!);
            Assert.Equal((predicted.Partition, predicted.Strategy.Topology, predicted.Strategy.Loading), (options.Partition, options.Topology, options.Loading));
            Assert.Equal(predicted.Placement is null ? null : ExpertPlacementFile.ToJson(predicted.Placement), placement is null ? null : ExpertPlacementFile.ToJson(placement));
        });
    }

    /// <summary>A command line that names the model only.</summary>
    private static ModelOptions Given()
    {
        Command command = new("test");
        Func<ParseResult, ModelOptions> read = ModelOptions.AddTo(command, Settings.Load());
        return read(command.Parse(["--model", "model"]));
    }
}
