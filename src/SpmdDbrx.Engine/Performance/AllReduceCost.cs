using System.Numerics;
using SpmdDbrx.Engine.Performance.Inputs;

namespace SpmdDbrx.Engine.Performance;

/// <summary>Time of one all-reduce in the usual latency-bandwidth model.</summary>
/// <param name="LatencySeconds">Part that no bandwidth shortens.</param>
/// <param name="TransferSeconds">Part that the bytes take.</param>
/// <param name="Formula">Where it comes from.</param>
public readonly record struct AllReduceCost(double LatencySeconds, double TransferSeconds, string Formula)
{
    /// <summary>Both parts.</summary>
    public double Seconds => LatencySeconds + TransferSeconds;

    /// <summary>Cost between <paramref name="rankCount"/> ranks.</summary>
    /// <param name="algorithm">How.</param>
    /// <param name="rankCount">N; 1 costs nothing.</param>
    /// <param name="vectorBytes">Bytes of the summed vector.</param>
    /// <param name="receivedBytes">Bytes a rank receives under <see cref="AllReduceAlgorithm.Direct"/>.</param>
    /// <param name="network">Latency and bandwidth.</param>
    /// <param name="messageSeconds">Host time for each further message in flight.</param>
    public static AllReduceCost Of(
        AllReduceAlgorithm algorithm, int rankCount, double vectorBytes, double receivedBytes, Network network, double messageSeconds)
    {
        double latency = network.LatencySeconds.Value;
        double bandwidth = network.BytesPerSecond.Value;
        if (rankCount == 1)
            return new AllReduceCost(0, 0, "one rank");
        switch (algorithm)
        {
            case AllReduceAlgorithm.Direct:
                return new AllReduceCost(latency + ((rankCount - 2) * messageSeconds), receivedBytes / bandwidth,
                    rankCount == 2 ? "1 latency" : $"1 latency + {rankCount - 2} further messages");
            case AllReduceAlgorithm.RecursiveDoubling:
                int steps = DoublingDepth(rankCount);
                return new AllReduceCost(steps * latency, steps * vectorBytes / bandwidth, steps == 1 ? "1 latency" : $"{steps} steps of 1 latency");
            case AllReduceAlgorithm.Ring:
                int ringSteps = 2 * (rankCount - 1);
                return new AllReduceCost(ringSteps * latency, ringSteps * vectorBytes / rankCount / bandwidth, $"{ringSteps} steps of 1 latency");
            case AllReduceAlgorithm.Fastest:
                AllReduceCost doubling = Of(AllReduceAlgorithm.RecursiveDoubling, rankCount, vectorBytes, receivedBytes, network, messageSeconds);
                AllReduceCost ring = Of(AllReduceAlgorithm.Ring, rankCount, vectorBytes, receivedBytes, network, messageSeconds);
                return doubling.Seconds <= ring.Seconds ? doubling : ring;
            default:
                throw new ArgumentOutOfRangeException(nameof(algorithm), algorithm, null);
        }
    }

    /// <summary>Messages that follow one another on the longest path: log₂ N.
    /// If N is no power of two, the ranks beyond hand their vector in before and are told the sum after.</summary>
    private static int DoublingDepth(int rankCount)
    {
        int core = 1 << BitOperations.Log2((uint)rankCount);
        int beyond = rankCount - core;
        int[] depth = [.. Enumerable.Range(0, core).Select(rank => rank < beyond ? 1 : 0)];
        for (int distance = 1; distance < core; distance *= 2)
            depth = [.. depth.Select((own, rank) => Math.Max(own, depth[rank ^ distance] + 1))];
        return depth.Select((own, rank) => rank < beyond ? own + 1 : own).Max();
    }
}
