using SpmdDbrx.Compute;
using SpmdDbrx.Engine.Generation;
using SpmdDbrx.Engine.Sampling;
using SpmdDbrx.Engine.Session;
using SpmdDbrx.Mpi;

namespace SpmdDbrx.Engine.Benchmarks;

/// <summary>Measures prompt processing and generation as the engine does them, beside the bandwidth and the peak of the same ranks at the same time.</summary>
/// <param name="session">The model; every rank of the world runs the same tests.</param>
/// <param name="probesMachine">Whether bandwidth and peak are measured: seconds a test where ranks share cores.</param>
public sealed class ModelBenchmark(RankSession session, bool probesMachine) : IDisposable
{
    // Far beyond the caches, and read in tens of milliseconds.
    private const long ProbeBytes = 512L << 20;

    private readonly DeviceBuffer? probed = probesMachine && session.Device is CpuDevice ? AllocateProbed(session.Device) : null;
    private readonly TokenWork work = new(session.Model.Config, session.Options.Topology == Topology.Decentralized ? session.Teams : null);
    private readonly Sampler sampler = new(new SamplingOptions(), session.Model.Config.VocabularySize);

    // The same tokens on every rank and in every run, others in every repetition.
    private readonly Random random = new(Seed: 1);
    private LayerCommunication communication;

    /// <summary>Runs a test once to warm up, then <paramref name="repeats"/> times between probes of the machine, whose speed changes on a shared host.</summary>
    public BenchmarkResult Run(BenchmarkTest test, int repeats)
    {
        Fill(RandomTokens(test.Depth), start: 0);
        RunOnce(test);
        communication = default;
        List<PhaseStatistics> samples = [];
        List<MachineRates> probes = [Probe()];
        for (int repeat = 0; repeat < repeats; repeat++)
        {
            session.World.Barrier();
            PhaseStatistics start = PhaseStatistics.Read(session);
            RunOnce(test);
            samples.Add(PhaseStatistics.Read(session).Since(start, test.Tokens));
            probes.Add(Probe());
        }
        double ownExperts = Sum(samples.Average(sample => sample.OwnExperts));
        double meanExperts = ownExperts / session.World.Size / samples[0].Layers;
        return new BenchmarkResult(test, samples, BytesPerToken(test, ownExperts), FlopPerToken(test), BusiestExperts(samples), meanExperts, communication, probes);
    }

    private void RunOnce(BenchmarkTest test)
    {
        int[] tokens = RandomTokens(test.Tokens);
        if (test.IsPrompt)
        {
            Sample(Fill(tokens, test.Depth), test.ContextLength);
            return;
        }
        // What is sampled is not what comes next: a model with random weights would soon repeat itself, and its routing with it.
        for (int index = 0; index < tokens.Length; index++)
        {
            Forward([tokens[index]], test.Depth + index);
            Sample(row: 0, test.Depth + index);
        }
    }

    /// <summary>Runs tokens in batches; returns the row of the last one in its batch.</summary>
    private int Fill(ReadOnlySpan<int> tokens, int start)
    {
        int row = 0;
        for (int first = 0; first < tokens.Length; first += session.Decoder.BatchCapacity)
        {
            ReadOnlySpan<int> batch = tokens.Slice(first, Math.Min(session.Decoder.BatchCapacity, tokens.Length - first));
            Forward(batch, start + first);
            row = batch.Length - 1;
        }
        return row;
    }

    private void Forward(ReadOnlySpan<int> tokens, int position)
    {
        LayerCommunication before = LayerCommunication.Read(session.World.Counters);
        session.Decoder.Forward(tokens, position);
        communication += LayerCommunication.Read(session.World.Counters) - before;
    }

    private void Sample(int row, int position)
    {
        int sampled = session.Exchange.RunsAttention ? sampler.Sample(session.Decoder.Logits(row, 1).Row(0), position) : 0;
        session.Exchange.AgreeOnToken(sampled);
    }

    private int[] RandomTokens(int count) =>
        [.. Enumerable.Range(0, count).Select(_ => random.Next(session.Model.Config.VocabularySize))];

    /// <summary>All ranks measure at once, as they work at once.</summary>
    private MachineRates Probe()
    {
        session.World.Barrier();
        if (probed is null || session.Device is not CpuDevice cpu)
            return MachineRates.Unknown;
        CpuProbe probe = new(cpu);
        return new MachineRates(Sum(probe.ReadBytesPerSecond(probed)), Sum(probe.PrefillFlopPerSecond()));
    }

    private static DeviceBuffer AllocateProbed(IDevice device)
    {
        DeviceBuffer buffer = device.Allocate(ProbeBytes);
        // Pages never written are one page of zeros, read from the cache.
        buffer.Span<byte>(0, (int)ProbeBytes).Fill(1);
        return buffer;
    }

    /// <param name="test">The test.</param>
    /// <param name="ownExperts">Experts that all ranks ran in all layers of one repetition.</param>
    private double BytesPerToken(BenchmarkTest test, double ownExperts)
    {
        double share = session.Options.Partition == Partition.Slices ? 1.0 / session.World.Size : 1;
        double expertBytes = ownExperts * work.ExpertBytes * share;
        double replicated = test.IsPrompt
            ? work.PromptBytes(test.Tokens, test.Depth, session.Decoder.BatchCapacity)
            : work.GenerationBytes(test.Tokens, test.Depth);
        return ((RanksWithAttention * replicated) + (LmHeads * LogitRows(test) * work.LmHeadBytes) + expertBytes) / test.Tokens;
    }

    private double FlopPerToken(BenchmarkTest test)
    {
        double replicated = RanksWithAttention * work.ReplicatedFlop(test.Tokens, test.Depth, test.IsPrompt ? session.Decoder.BatchCapacity : 1);
        return (replicated + (LmHeads * LogitRows(test) * work.LmHeadFlop) + work.ExpertFlop(test.Tokens)) / test.Tokens;
    }

    private static int LogitRows(BenchmarkTest test) => test.IsPrompt ? 1 : test.Tokens;

    /// <summary>Whole LM heads that a token's logits take: one a host, whose ranks share it out.</summary>
    private int LmHeads => session.Options.Topology == Topology.Centralized ? 1 : session.Sharing.HostCount;

    private int RanksWithAttention => session.Options.Topology == Topology.Centralized ? 1 : session.World.Size;

    /// <summary>A rank knows the busiest one's selected experts, and its own spare ones: those of all ranks are the largest count that any has.</summary>
    private double BusiestExperts(List<PhaseStatistics> samples) =>
        Reduced(samples.Sum(sample => sample.BusiestRankExperts) / samples.Sum(sample => sample.Layers), Operation<double>.Max);

    private double Sum(double value) => Reduced(value, Operation<double>.Add);

    private double Reduced(double value, Operation<double> operation)
    {
        double[] values = [value];
        session.World.Allreduce(values.AsSpan(), operation);
        return values[0];
    }

    public void Dispose() => probed?.Dispose();
}
