using System.CommandLine;
using SpmdDbrx.Cli;
using SpmdDbrx.Cli.Choosing;
using SpmdDbrx.Compute;
using SpmdDbrx.Model;
using SpmdDbrx.Mpi;
using Xunit;

namespace SpmdDbrx.Tests.Cli;

public sealed class DeploymentChooserTests(PrestackedTinyModel model) : IClassFixture<PrestackedTinyModel>
{
    /// <summary>What a host measured with more threads than it has cores would mean nothing; choosing by it would give other options.</summary>
    [Fact]
    public void Choose_MoreThreadsThanCoresOnAHost_KeepsTheOptionsWithoutMeasuring() =>
        InProcessWorld.Run([0, 1], world =>
        {
            ModelOptions options = Parse($"--choice auto --threads {System.Environment.ProcessorCount + 1}");
            Assert.True(options.Choice.Decides);
            using CpuDevice device = new(1);
            Assert.Same(options, DeploymentChooser.Choose(world, device, ModelDirectory.Open(model.ModelPath), options));
        });

    private ModelOptions Parse(string arguments)
    {
        Command command = new("run");
        Func<ParseResult, ModelOptions> options = ModelOptions.AddTo(command, Settings.Load());
        ParseResult parsed = command.Parse(["--model", model.ModelPath, .. arguments.Split(' ')]);
        Assert.Empty(parsed.Errors);
        return options(parsed);
    }
}
