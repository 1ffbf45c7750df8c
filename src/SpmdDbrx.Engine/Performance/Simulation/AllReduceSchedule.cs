using System.Numerics;

namespace SpmdDbrx.Engine.Performance.Simulation;

/// <summary>Which rank sends to which in every step of an all-reduce.</summary>
/// <remarks>An exchange with factors f₁ … f_m numbers the ranks in mixed radix; in step i a rank swaps partial sums with the f_i − 1 ranks
/// that differ from it in digit i only. All factors 2 is recursive doubling, the single factor N is everybody to everybody. Ranks beyond the
/// product of the factors hand their vector in before and are told the sum after.</remarks>
public sealed class AllReduceSchedule
{
    private readonly int rankCount;
    private readonly int coreCount;
    private readonly int[] factors;
    private readonly bool isRing;

    private AllReduceSchedule(string name, int rankCount, int[] factors, bool isRing)
    {
        Name = name;
        this.rankCount = rankCount;
        this.factors = factors;
        this.isRing = isRing;
        coreCount = isRing ? rankCount : factors.Aggregate(1, (product, factor) => product * factor);
        bool folds = coreCount < rankCount;
        StepCount = rankCount == 1 ? 0 : isRing ? 2 * (rankCount - 1) : factors.Length + (folds ? 2 : 0);
        ShareOfVector = isRing ? 1.0 / rankCount : 1;
    }

    /// <summary>For reports.</summary>
    public string Name { get; }

    /// <summary>Steps that follow one another.</summary>
    public int StepCount { get; }

    /// <summary>Part of the vector that a message carries.</summary>
    public double ShareOfVector { get; }

    /// <summary>Whether every rank sends to every other, so that each need send only what it computed itself.</summary>
    public bool IsDirect => factors is [int factor] && factor == rankCount;

    /// <summary>The schedule of an algorithm; <see cref="AllReduceAlgorithm.Fastest"/> is recursive doubling, the faster one for a token's vector.</summary>
    public static AllReduceSchedule Of(AllReduceAlgorithm algorithm, int rankCount) => algorithm switch
    {
        AllReduceAlgorithm.Direct => Direct(rankCount),
        AllReduceAlgorithm.Ring => Ring(rankCount),
        _ => RecursiveDoubling(rankCount),
    };

    /// <summary>Partners at distance 1, 2, 4, …</summary>
    public static AllReduceSchedule RecursiveDoubling(int rankCount) =>
        new("recursive doubling", rankCount, [.. Enumerable.Repeat(2, BitOperations.Log2((uint)rankCount))], isRing: false);

    /// <summary>Everybody to everybody in one step.</summary>
    public static AllReduceSchedule Direct(int rankCount) => new("direct", rankCount, [rankCount], isRing: false);

    /// <summary>2 (N − 1) steps round a ring.</summary>
    public static AllReduceSchedule Ring(int rankCount) => new("ring", rankCount, [], isRing: true);

    /// <summary>An exchange in so many steps among the largest power of two of the ranks, its factors as equal as they can be.</summary>
    public static AllReduceSchedule InSteps(int rankCount, int steps)
    {
        int exponent = BitOperations.Log2((uint)rankCount);
        int[] factors = [.. Enumerable.Range(0, steps).Select(step => 1 << (((step + 1) * exponent / steps) - (step * exponent / steps)))];
        return new(Describe(factors), rankCount, [.. factors.Where(factor => factor > 1)], isRing: false);
    }

    /// <summary>The exchange in so many steps that the latency-bandwidth model gives it the least time.</summary>
    /// <param name="rankCount">N.</param>
    /// <param name="latencySeconds">Of a step.</param>
    /// <param name="messageSeconds">Host time of each further message of a step.</param>
    /// <param name="transferSeconds">Of one message.</param>
    public static AllReduceSchedule Fastest(int rankCount, double latencySeconds, double messageSeconds, double transferSeconds)
    {
        IEnumerable<AllReduceSchedule> candidates = Enumerable.Range(1, Math.Max(1, BitOperations.Log2((uint)rankCount))).Select(steps => InSteps(rankCount, steps));
        return candidates.MinBy(candidate => (candidate.StepCount * latencySeconds)
            + candidate.factors.Sum(factor => ((factor - 2) * messageSeconds) + ((factor - 1) * transferSeconds)))!;
    }

    /// <summary>The ranks that a rank sends to in a step, in order: the nearest first, so that no receiver gets two messages at once.</summary>
    public IEnumerable<int> Receivers(int rank, int step)
    {
        if (isRing)
            return [(rank + 1) % rankCount];
        if (coreCount < rankCount)
        {
            if (step == 0)
                return rank >= coreCount ? [rank - coreCount] : [];
            if (step == StepCount - 1)
                return rank + coreCount < rankCount ? [rank + coreCount] : [];
            step--;
        }
        return rank < coreCount ? Partners(rank, step) : [];
    }

    /// <summary>Messages that a rank receives in a step.</summary>
    public int ReceiveCount(int rank, int step)
    {
        if (isRing)
            return 1;
        if (coreCount < rankCount)
        {
            if (step == 0)
                return rank + coreCount < rankCount ? 1 : 0;
            if (step == StepCount - 1)
                return rank >= coreCount ? 1 : 0;
            step--;
        }
        return rank < coreCount ? factors[step] - 1 : 0;
    }

    private static string Describe(int[] factors) => factors.Length > 1 && factors.Distinct().Count() == 1
        ? $"{factors[0]}^{factors.Length}"
        : string.Join('·', factors);

    private IEnumerable<int> Partners(int rank, int step)
    {
        int stride = 1;
        for (int before = 0; before < step; before++)
            stride *= factors[before];
        int factor = factors[step];
        int digit = rank / stride % factor;
        for (int distance = 1; distance < factor; distance++)
            yield return rank + ((((digit + distance) % factor) - digit) * stride);
    }
}
