using SpmdDbrx.Engine.Session;

namespace SpmdDbrx.Engine.Performance.Simulation;

/// <summary>Discrete-event simulation of decoding on many ranks: computations end and messages arrive in order of time, and every rank waits for what it needs.</summary>
/// <remarks>It shows what <see cref="PerformanceModel"/> cannot: waiting that comes from differences between ranks, and memory that is unwired
/// because it happened to lie idle. Without jitter and with equal nodes both give the same time. A sender's messages leave one after another;
/// links are otherwise free, as in a switched network.</remarks>
public sealed class ClusterSimulation
{
    private const int ComputationEnds = -1;

    private readonly SimulationScenario scenario;
    private readonly AllReduceSchedule schedule;
    private readonly SimulatedRank[] ranks;
    private readonly PriorityQueue<(int Rank, int Collective, int Step), double> events = new();
    private readonly int[,] received; // [ranks, 2 · steps]: of the present all-reduce and of the next, which a faster rank may have begun
    private readonly double[] tokenEnd;
    private readonly int[] busiestExperts;
    private readonly double transferSeconds;
    private long messages;

    private ClusterSimulation(SimulationScenario scenario)
    {
        this.scenario = scenario;
        int rankCount = scenario.Deployment.RankCount;
        schedule = scenario.AllReduce ?? AllReduceSchedule.Of(scenario.Software.AllReduce, rankCount);
        ExpertRuns? experts = scenario.Deployment.Partition == Partition.Experts ? new(scenario.Model, scenario.Deployment, scenario.Trace) : null;
        ranks = [.. Enumerable.Range(0, rankCount).Select(rank => new SimulatedRank(scenario, experts, rank))];
        received = new int[rankCount, 2 * Math.Max(1, schedule.StepCount)];
        tokenEnd = new double[scenario.Trace.TokenCount];
        busiestExperts = new int[scenario.Trace.TokenCount * scenario.Trace.LayerCount];
        // Expert outputs sent to everybody are each sent by one rank; sums have a part of every rank in them.
        double outputs = !scenario.Software.ExchangesExpertOutputs ? 1 : (double)scenario.Model.TopK / (schedule.IsDirect ? Math.Max(1, rankCount - 1) : 1);
        double vectorBytes = outputs * scenario.Model.HiddenDim * scenario.Software.BytesPerValue.Value;
        transferSeconds = vectorBytes * schedule.ShareOfVector / scenario.Network.BytesPerSecond.Value;
    }

    /// <summary>Simulates every token of the scenario's trace.</summary>
    /// <exception cref="InvalidInputException">A centralized topology, a trace of another model, or the wrong number of nodes.</exception>
    public static SimulationResult Run(SimulationScenario scenario)
    {
        Check(scenario);
        return new ClusterSimulation(scenario).Run();
    }

    private SimulationResult Run()
    {
        for (int rank = 0; rank < ranks.Length; rank++)
            StartComputing(rank, 0);
        while (events.TryDequeue(out (int Rank, int Collective, int Step) next, out double now))
        {
            if (next.Step == ComputationEnds)
                EndComputing(next.Rank, now);
            else
                Receive(next.Rank, next.Collective, next.Step, now);
        }
        double layers = scenario.Trace.TokenCount * scenario.Trace.LayerCount;
        return new SimulationResult(
            [.. tokenEnd.Select((end, token) => token == 0 ? end : end - tokenEnd[token - 1])],
            ranks.Average(rank => rank.ComputeSeconds) / tokenEnd.Length,
            ranks.Average(rank => rank.CommunicationSeconds) / tokenEnd.Length,
            ranks.Sum(rank => rank.Rewirings),
            messages,
            scenario.Deployment.Partition == Partition.Slices ? (double)scenario.Model.TopK / ranks.Length : busiestExperts.Sum() / layers);
    }

    /// <summary>Attention, or experts, or both where no all-reduce lies between them.</summary>
    private void StartComputing(int rank, double now)
    {
        SimulatedRank state = ranks[rank];
        double seconds = state.IsPastAttention ? 0 : state.AttentionSeconds();
        bool runsExperts = state.IsPastAttention || !scenario.Deployment.SplitsAttention;
        if (runsExperts)
        {
            seconds += state.ExpertSeconds(now + seconds);
            ref int busiest = ref busiestExperts[(state.Token * scenario.Trace.LayerCount) + state.Layer];
            busiest = Math.Max(busiest, state.LastExpertCount);
        }
        state.IsPastAttention = runsExperts;
        events.Enqueue((rank, 0, ComputationEnds), now + seconds);
    }

    private void EndComputing(int rank, double now)
    {
        SimulatedRank state = ranks[rank];
        state.Collective++;
        state.Step = 0;
        state.CollectiveStart = now;
        if (schedule.StepCount == 0)
            EndAllReduce(rank, now);
        else
            StartStep(rank, now);
    }

    private void StartStep(int rank, double now)
    {
        SimulatedRank state = ranks[rank];
        double sent = now;
        bool isFirst = true;
        foreach (int receiver in schedule.Receivers(rank, state.Step))
        {
            sent += transferSeconds + (isFirst ? 0 : scenario.Software.MessageSeconds.Value);
            isFirst = false;
            messages++;
            events.Enqueue((receiver, state.Collective, state.Step), sent + scenario.Network.LatencySeconds.Value + state.MessageDelay());
        }
        state.SentAt = sent;
        TryEndStep(rank, now);
    }

    private void Receive(int rank, int collective, int step, double now)
    {
        received[rank, Slot(collective, step)]++;
        SimulatedRank state = ranks[rank];
        if (state.Collective == collective && state.Step == step)
            TryEndStep(rank, now);
    }

    /// <summary>Goes on when all messages of the step are there and its own have left.</summary>
    private void TryEndStep(int rank, double now)
    {
        SimulatedRank state = ranks[rank];
        int slot = Slot(state.Collective, state.Step);
        if (received[rank, slot] < schedule.ReceiveCount(rank, state.Step))
            return;
        received[rank, slot] = 0;
        double end = Math.Max(now, state.SentAt);
        state.Step++;
        if (state.Step == schedule.StepCount)
            EndAllReduce(rank, end);
        else
            StartStep(rank, end);
    }

    private void EndAllReduce(int rank, double now)
    {
        SimulatedRank state = ranks[rank];
        state.CommunicationSeconds += now - state.CollectiveStart;
        state.Step = ComputationEnds; // in no step: early messages of the next all-reduce are only counted
        if (!state.IsPastAttention)
        {
            state.IsPastAttention = true;
            StartComputing(rank, now);
            return;
        }
        state.IsPastAttention = false;
        if (++state.Layer == scenario.Trace.LayerCount)
        {
            state.Layer = 0;
            now += state.LmHeadSeconds();
            tokenEnd[state.Token] = Math.Max(tokenEnd[state.Token], now);
            if (++state.Token == tokenEnd.Length)
                return;
        }
        StartComputing(rank, now);
    }

    private int Slot(int collective, int step) => ((collective & 1) * schedule.StepCount) + step;

    private static void Check(SimulationScenario scenario)
    {
        int rankCount = scenario.Deployment.RankCount;
        if (rankCount < 1)
            throw new InvalidInputException($"nodes: expected at least 1, found {rankCount}");
        if (scenario.Deployment.Strategy.Topology != Topology.Decentralized)
            throw new InvalidInputException("strategy: expected a decentralized one (p-lr-d), found centralized; the simulator knows all-reduces only");
        if (scenario.Hardware.Count != 1 && scenario.Hardware.Count != rankCount)
            throw new InvalidInputException($"hardware: expected 1 kind for all or one for each of {rankCount} ranks, found {scenario.Hardware.Count}");
        if (scenario.Trace.ExpertCount != scenario.Model.ExpertCount || scenario.Trace.LayerCount != scenario.Model.LayerCount)
            throw new InvalidInputException(
                $"trace: expected {scenario.Model.ExpertCount} experts in {scenario.Model.LayerCount} layers, found {scenario.Trace.ExpertCount} in {scenario.Trace.LayerCount}");
        int unknown = scenario.Stragglers.Keys.FirstOrDefault(rank => rank < 0 || rank >= rankCount, -1);
        if (unknown >= 0)
            throw new InvalidInputException($"straggler: expected a rank from 0 to {rankCount - 1}, found {unknown}");
    }
}
