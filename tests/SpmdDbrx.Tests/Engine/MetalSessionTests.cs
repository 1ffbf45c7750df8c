using SpmdDbrx.Compute.Metal;
using SpmdDbrx.Engine.Experts;
using SpmdDbrx.Engine.Session;
using SpmdDbrx.Model;
using SpmdDbrx.Mpi;
using SpmdDbrx.Tests.Compute.Metal;
using Xunit;

namespace SpmdDbrx.Tests.Engine;

/// <summary>The decoder and the session on the Metal device: when command buffers start, and what is refused before anything is loaded.</summary>
[Collection(MetalCollection.Name)]
public sealed class MetalSessionTests(PrestackedTinyModel model) : IClassFixture<PrestackedTinyModel>
{
    [SkippableTheory]
    [InlineData(1)]
    [InlineData(6)]
    public void Forward_EveryLayer_IsEncodedBeforeTheAllReduceAndCommittedWhenItReturns(int tokens)
    {
        using EmulatorOption journal = new("journal", 1);
        using MetalDevice device = new();
        EmulatorClock emulator = device.EmulatedTime!;
        using NotingWorld world = new(() => emulator.Note('r'));
        using RankSession session = RankSession.Open(world, device, model.ModelPath, new EngineOptions());
        session.Decoder.Forward(new int[tokens], 0);
        emulator.TakeJournal();
        session.Decoder.Forward(new int[tokens], tokens);

        // d: a dispatch is encoded, c: a command buffer is committed, r: the all-reduce has returned. The first layer up to its
        // router; then for every layer its experts, started, and while they run all that follows the all-reduce is encoded.
        const string Layer = "d+cd+rc";
        Assert.Matches($"^d+c({Layer}){{{session.Model.Config.LayerCount}}}$", emulator.TakeJournal());
    }

    [SkippableFact]
    public void Open_FilesThatFitOnlyOneByOne_AreRefusedBeforeAnyIsMapped()
    {
        string copy = model.Copy("too-large");
        long weights = Directory.EnumerateFiles(copy, "*.bin", SearchOption.AllDirectories).Sum(path => new FileInfo(path).Length);
        // Mapping would end with another error: a file is missing.
        File.Delete(Path.Combine(copy, "experts", "expert-00.bin"));
        using EmulatorOption limit = new("recommendedMaxWorkingSetSize", weights - 1);

        InsufficientMemoryException error = Assert.Throws<InsufficientMemoryException>(() => Open(copy));

        Assert.StartsWith($"metal: {copy}: what rank 0 holds of it, with activations and the KV cache of 512 tokens, needs ", error.Message, StringComparison.Ordinal);
        Assert.EndsWith("use more ranks, one a machine, or run: sudo sysctl iogpu.wired_limit_mb=1024", error.Message, StringComparison.Ordinal);
    }

    [SkippableFact]
    public void RankBuffers_OfASession_AreWhatItAllocates()
    {
        MetalCollection.Require();
        EngineOptions options = new() { ContextLength = 64, Deterministic = true };
        using MetalDevice device = new();
        using RankSession session = RankSession.Open(new SingleRankCommunicator(), device, model.ModelPath, options);
        ModelConfig config = session.Model.Config;
        long expertRows = 64L * config.TopK * (config.ExpertHiddenDim + config.HiddenDim) * sizeof(float);
        long checkBytes = sizeof(float) * (long)new RoutingCheck(0, 1, config.ExpertCount).FloatCount(64);
        Assert.Equal(session.ResidentBytes - session.WeightBytes, RankBuffers.BytesOf(config, 64, options) - expertRows + checkBytes);
    }

    private static void Open(string path)
    {
        using MetalDevice device = new();
        using RankSession session = RankSession.Open(new SingleRankCommunicator(), device, path, new EngineOptions());
    }
}
