using System.Globalization;
using System.Numerics;

namespace SpmdDbrx.Engine.Placement;

/// <summary>How often each set of experts is selected together: what a placement is good or bad for.</summary>
public sealed class RoutingDistribution
{
    /// <summary>Selections to search and compare placements with where nothing is asked: all 1,820 of DBRX; of larger models a sample whose mean
    /// load has a standard error of less than 1 % of an expert, since the load of a selection varies by about one.</summary>
    public const int SearchLimit = 20_000;

    private readonly ushort[] experts;
    private readonly long[] weights;

    private RoutingDistribution(int expertCount, int topK, ushort[] experts, long[] weights, bool isSampled, string description)
    {
        ExpertCount = expertCount;
        TopK = topK;
        this.experts = experts;
        this.weights = weights;
        TotalWeight = weights.Sum();
        IsSampled = isSampled;
        Description = description;
    }

    /// <summary>Experts of a layer.</summary>
    public int ExpertCount { get; }

    /// <summary>Experts selected for a token.</summary>
    public int TopK { get; }

    /// <summary>Distinct selections.</summary>
    public int Count => weights.Length;

    /// <summary>Sum of all weights.</summary>
    public long TotalWeight { get; }

    /// <summary>Whether the selections are a random sample of a space too large to list.</summary>
    public bool IsSampled { get; }

    /// <summary>In words, for reports.</summary>
    public string Description { get; }

    /// <summary>The experts of one selection, ascending, [TopK].</summary>
    public ReadOnlySpan<ushort> Selection(int index) => experts.AsSpan(index * TopK, TopK);

    /// <summary>How often that selection occurs.</summary>
    public long Weight(int index) => weights[index];

    /// <summary>Every set of k experts is equally likely; listed if there are at most <paramref name="limit"/>, else that many are drawn.</summary>
    /// <param name="expertCount">E.</param>
    /// <param name="topK">k.</param>
    /// <param name="limit">Most selections to hold.</param>
    /// <param name="seed">Of the drawing.</param>
    /// <exception cref="InvalidInputException">Not 1 ≤ k ≤ E.</exception>
    public static RoutingDistribution Uniform(int expertCount, int topK, int limit, int seed)
    {
        if (topK < 1 || topK > expertCount)
            throw new InvalidInputException($"top-k: expected 1 to {expertCount} (the experts), found {topK}");
        BigInteger combinations = Combinations(expertCount, topK);
        string name = $"uniform top-{topK} of {expertCount}";
        if (combinations <= limit)
        {
            ushort[] all = ListCombinations(expertCount, topK, (int)combinations);
            return new RoutingDistribution(expertCount, topK, all, Ones((int)combinations), false,
                string.Create(CultureInfo.InvariantCulture, $"{name}, all {combinations:N0} selections"));
        }
        return new RoutingDistribution(expertCount, topK, DrawCombinations(expertCount, topK, limit, seed), Ones(limit), true,
            string.Create(CultureInfo.InvariantCulture, $"{name}, {limit:N0} selections drawn of {combinations:N0}"));
    }

    /// <summary>What a model really selected, all layers together: a placement is the same in every layer.</summary>
    public static RoutingDistribution FromTrace(RoutingTrace trace)
    {
        SortedDictionary<string, long> counts = new(StringComparer.Ordinal);
        char[] key = new char[trace.TopK];
        for (int token = 0; token < trace.TokenCount; token++)
        {
            for (int layer = 0; layer < trace.LayerCount; layer++)
            {
                ReadOnlySpan<ushort> selected = trace.Experts(token, layer);
                for (int slot = 0; slot < key.Length; slot++)
                    key[slot] = (char)selected[slot];
                Array.Sort(key);
                string selection = new(key);
                counts[selection] = counts.GetValueOrDefault(selection) + 1;
            }
        }
        ushort[] experts = [.. counts.Keys.SelectMany(selection => selection).Select(expert => (ushort)expert)];
        return new RoutingDistribution(trace.ExpertCount, trace.TopK, experts, [.. counts.Values], false,
            string.Create(CultureInfo.InvariantCulture, $"recorded, {trace.TokenCount:N0} tokens of {trace.LayerCount} layers"));
    }

    /// <summary>E! / (k! (E − k)!).</summary>
    internal static BigInteger Combinations(int expertCount, int topK)
    {
        BigInteger combinations = 1;
        for (int taken = 1; taken <= topK; taken++)
            combinations = combinations * (expertCount - topK + taken) / taken;
        return combinations;
    }

    private static long[] Ones(int count)
    {
        long[] ones = new long[count];
        Array.Fill(ones, 1);
        return ones;
    }

    private static ushort[] ListCombinations(int expertCount, int topK, int count)
    {
        ushort[] all = new ushort[count * topK];
        Span<ushort> current = all.AsSpan(0, topK);
        for (int slot = 0; slot < topK; slot++)
            current[slot] = (ushort)slot;
        for (int index = 1; index < count; index++)
        {
            Span<ushort> next = all.AsSpan(index * topK, topK);
            current.CopyTo(next);
            int slot = topK - 1;
            while (next[slot] == expertCount - topK + slot)
                slot--;
            next[slot]++;
            for (int later = slot + 1; later < topK; later++)
                next[later] = (ushort)(next[later - 1] + 1);
            current = next;
        }
        return all;
    }

    private static ushort[] DrawCombinations(int expertCount, int topK, int count, int seed)
    {
        Random random = new(seed);
        ushort[] drawn = new ushort[count * topK];
        ushort[] deck = [.. Enumerable.Range(0, expertCount).Select(expert => (ushort)expert)];
        for (int index = 0; index < count; index++)
        {
            for (int slot = 0; slot < topK; slot++)
            {
                int other = random.Next(slot, expertCount);
                (deck[slot], deck[other]) = (deck[other], deck[slot]);
            }
            Span<ushort> selection = drawn.AsSpan(index * topK, topK);
            deck.AsSpan(0, topK).CopyTo(selection);
            selection.Sort();
        }
        return drawn;
    }
}
