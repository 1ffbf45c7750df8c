using SpmdDbrx.Compute;
using SpmdDbrx.Engine.Generation;
using SpmdDbrx.Engine.Session;
using SpmdDbrx.Mpi;
using Xunit;

namespace SpmdDbrx.Tests.Engine;

/// <summary>What would lead ranks into different collectives is compared before, and named on all of them.</summary>
public sealed class RankAgreementTests(PrestackedTinyModel model) : IClassFixture<PrestackedTinyModel>
{
    [Theory]
    [InlineData(100)]
    [InlineData(128)]
    [InlineData(300)]
    public void RequireSame_ValuesThatDifferAtTheirEnd_AreTold(int length)
    {
        string text = new('é', length / 2);
        Exception?[] errors = Errors(world => RankAgreement.RequireSame(world, ("first", "same"), ("text", world.Rank == 0 ? text : text[..^1] + "e")));
        Assert.All(errors, error => Assert.StartsWith("ranks disagree on text: ", Assert.IsType<RankDisagreementException>(error).Message, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(128)]
    [InlineData(3000)]
    public void RequireSame_EqualLongValues_AreAccepted(int length) =>
        Assert.All(Errors(world => RankAgreement.RequireSame(world, ("text", new string('x', length)))), Assert.Null);

    [Theory]
    [InlineData(true, true, "prefault")]
    [InlineData(false, false, "verification of weights")]
    public void Open_OneRankPrefaultsOrDoesNotVerify_NamesItOnBoth(bool prefaults, bool verifies, string field)
    {
        EngineOptions other = new() { Prefault = prefaults, VerifyWeights = verifies };
        Exception?[] errors = Errors(world =>
        {
            using CpuDevice device = new(1);
            using RankSession session = RankSession.Open(world, device, model.ModelPath, world.Rank == 0 ? new EngineOptions() : other);
        });
        RequireNamed(errors, field);
    }

    [Theory]
    [InlineData("most tokens")]
    [InlineData("stop tokens")]
    [InlineData("stop texts")]
    [InlineData("sampling")]
    [InlineData("whether logits are written")]
    public void Generate_AnotherRequestOnOneRank_NamesWhatDiffers(string field)
    {
        GenerationRequest usual = new() { PromptTokens = [1, 2, 3], MaxTokens = 2 };
        GenerationRequest other = field switch
        {
            "most tokens" => usual with { MaxTokens = 3 },
            "stop tokens" => usual with { StopTokens = [7] },
            "stop texts" => usual with { StopTexts = ["end"] },
            "sampling" => usual with { Sampling = usual.Sampling with { Temperature = 0.5 } },
            _ => usual with { OnLogits = (_, _) => { } },
        };
        Exception?[] errors = Errors(world =>
        {
            using CpuDevice device = new(1);
            using RankSession session = RankSession.Open(world, device, model.ModelPath, new EngineOptions());
            new Generator(session, tokenizer: null).Run(world.Rank == 0 ? usual : other);
        });
        RequireNamed(errors, field);
    }

    private static void RequireNamed(Exception?[] errors, string field) => Assert.All(
        errors, error => Assert.StartsWith($"ranks disagree on {field}: rank 0 has ", Assert.IsType<RankDisagreementException>(error).Message, StringComparison.Ordinal));

    /// <summary>What a body throws on each of two ranks.</summary>
    private static Exception?[] Errors(Action<Intracommunicator> body)
    {
        Exception?[] errors = new Exception?[2];
        InProcessWorld.Run(2, world => errors[world.Rank] = Record.Exception(() => body(world)));
        return errors;
    }
}
