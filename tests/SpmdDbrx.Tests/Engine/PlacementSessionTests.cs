using SpmdDbrx.Compute;
using SpmdDbrx.Engine;
using SpmdDbrx.Engine.Placement;
using SpmdDbrx.Engine.Session;
using SpmdDbrx.Mpi;
using Xunit;

namespace SpmdDbrx.Tests.Engine;

/// <summary>Sessions with placements from files: the same tokens and, deterministically, the same bits as on one rank.</summary>
public sealed class PlacementSessionTests(PrestackedTinyModel model) : IClassFixture<PrestackedTinyModel>
{
    public static TheoryData<string, int[]> Placements => new()
    {
        { "ring", [8, 8, 8] },
        { "ring", [8, 8, 8, 8] },
        { "ring", [3, 12, 4] },
        { "ring", [16, 16] },
        { "best", [8, 8, 8, 8] },
        { "best", [6, 6, 6, 6, 6] },
    };

    [Theory]
    [MemberData(nameof(Placements))]
    public void Generate_AnyPlacement_GivesTheGoldenTokensOnEveryRank(string kind, int[] slots)
    {
        using TemporaryDirectory folder = new();
        EngineOptions options = new() { PlacementFile = Save(folder, kind, slots), BatchTokens = 32 };
        GoldenPrompt prompt = TinyModelGolden.Instance.Prompts.Single(candidate => candidate.Name == "long");
        int[][] tokens = SessionRunner.Generate(slots.Length, model.ModelPath, options, prompt.Ids, prompt.GreedyTokens.Length);
        Assert.All(tokens, ofRank => Assert.Equal(prompt.GreedyTokens, ofRank));
    }

    [Fact]
    public void Logits_DeterministicWithReplicas_AreThoseOfOneRankBitForBit()
    {
        using TemporaryDirectory folder = new();
        GoldenPrompt prompt = TinyModelGolden.Instance.Prompts.Single(candidate => candidate.Name == "short");
        EngineOptions options = new() { Deterministic = true };
        float[][] alone = SessionRunner.Logits(1, model.ModelPath, options, prompt.Ids, maxTokens: 8);
        float[][] spread = SessionRunner.Logits(
            4, model.ModelPath, options with { PlacementFile = Save(folder, "best", [8, 8, 8, 8]) }, prompt.Ids, maxTokens: 8);
        Assert.Equal(alone, spread);
    }

    [Fact]
    public void Counters_BestPlacementOnFourRanks_AverageNearItsExpectedMaxLoad()
    {
        using TemporaryDirectory folder = new();
        EngineOptions options = new() { PlacementFile = Save(folder, "best", [8, 8, 8, 8]), BatchTokens = 1 };
        GoldenPrompt prompt = TinyModelGolden.Instance.Prompts.Single(candidate => candidate.Name == "long");
        double best = 0;
        SessionRunner.Run(4, model.ModelPath, options, session =>
        {
            for (int position = 0; position < prompt.Ids.Length; position++)
                session.Decoder.Forward([prompt.Ids[position]], position);
            if (session.World.Rank == 0)
                best = (double)session.ExpertCounters.BusiestRank / session.ExpertCounters.Layers;
        });
        // A trained router is not uniform, so 1.16 is only near; each expert once would give about 1.97.
        Assert.InRange(best, 1.0, 1.4);
    }

    [Fact]
    public void Open_PlacementForAnotherNumberOfRanks_NamesFileAndNumbers()
    {
        using TemporaryDirectory folder = new();
        EngineOptions options = new() { PlacementFile = Save(folder, "ring", [8, 8, 8]) };
        Exception error = Assert.IsType<InvalidInputException>(OpenErrors(options, options)[0]);
        Assert.Contains("placement.json: ranks: expected 2 lists, one per rank, found 3", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_DifferentPlacementsOnTwoRanks_NamesTheFieldOnBoth()
    {
        using TemporaryDirectory folder = new();
        using TemporaryDirectory other = new();
        Exception?[] errors = OpenErrors(
            new EngineOptions { PlacementFile = Save(folder, "ring", [8, 8]) }, new EngineOptions { PlacementFile = Save(other, "ring", [9, 9]) });
        Assert.All(errors, error => Assert.Contains("ranks disagree on placement", Assert.IsType<RankDisagreementException>(error).Message, StringComparison.Ordinal));
    }

    [Fact]
    public void Open_PlacementWithSlices_IsAnError()
    {
        using TemporaryDirectory folder = new();
        EngineOptions options = new() { PlacementFile = Save(folder, "ring", [8, 8]), Partition = Partition.Slices };
        Assert.Contains("--partition experts", Assert.IsType<EngineException>(OpenErrors(options, options)[0]).Message, StringComparison.Ordinal);
    }

    /// <summary>What opening a session throws on each rank.</summary>
    private Exception?[] OpenErrors(params EngineOptions[] optionsOfRank)
    {
        Exception?[] errors = new Exception?[optionsOfRank.Length];
        InProcessWorld.Run(optionsOfRank.Length, world => errors[world.Rank] = Record.Exception(() =>
        {
            using CpuDevice device = new(1);
            using RankSession session = RankSession.Open(world, device, model.ModelPath, optionsOfRank[world.Rank]);
        }));
        return errors;
    }

    private static string Save(TemporaryDirectory folder, string kind, int[] slots)
    {
        string file = folder["placement.json"];
        File.WriteAllText(file, ExpertPlacementFile.ToJson(kind == "ring"
            ? ExpertPlacement.Ring(16, slots)
            : PlacementSearch.Run(RoutingDistribution.Uniform(16, 4, 10_000, seed: 1), slots, seed: 1, steps: 4_000, restarts: 1)));
        return file;
    }
}
