using SpmdDbrx.Engine.Session;

namespace SpmdDbrx.Engine.Sampling;

/// <summary>Chooses tokens from logits. Replicas with the same seed, logits and history choose the same tokens. Allocates nothing per token.</summary>
public sealed class Sampler
{
    private readonly SamplingOptions options;
    private readonly double[] weights;
    private readonly ulong[] ranking;
    private ulong state;

    /// <param name="options">How to choose.</param>
    /// <param name="vocabularySize">Length of the logits.</param>
    public Sampler(SamplingOptions options, int vocabularySize)
    {
        this.options = options;
        state = options.Seed;
        weights = new double[vocabularySize];
        ranking = new ulong[vocabularySize];
    }

    /// <summary>The next token.</summary>
    /// <param name="logits">[vocabulary].</param>
    /// <param name="position">For messages.</param>
    /// <exception cref="EngineException">A logit is NaN or infinite.</exception>
    public int Sample(ReadOnlySpan<float> logits, int position)
    {
        int best = MostProbable(logits, position);
        if (options.Temperature == 0)
            return best;
        double total = 0;
        for (int token = 0; token < logits.Length; token++)
            total += weights[token] = Math.Exp(((double)logits[token] - logits[best]) / options.Temperature);
        return options.TopK == 0 && options.TopP >= 1 ? DrawFromAll(total) : DrawFromMostProbable(logits, total);
    }

    /// <summary>Index of the largest logit, the lowest one on a tie.</summary>
    private static int MostProbable(ReadOnlySpan<float> logits, int position)
    {
        int best = 0;
        bool finite = true;
        for (int token = 0; token < logits.Length; token++)
        {
            finite &= float.IsFinite(logits[token]);
            if (logits[token] > logits[best])
                best = token;
        }
        if (!finite)
        {
            throw new EngineException(
                $"the logits at position {position} are not finite: a weight is NaN or infinite, or an activation overflowed; run verify on the model");
        }
        return best;
    }

    private int DrawFromAll(double total)
    {
        double remaining = NextUniform() * total;
        int last = 0;
        for (int token = 0; token < weights.Length; token++)
        {
            remaining -= weights[token];
            if (remaining < 0)
                return token;
            last = weights[token] > 0 ? token : last;
        }
        return last;
    }

    private int DrawFromMostProbable(ReadOnlySpan<float> logits, double total)
    {
        int count = RankMostProbable(logits, options.TopK > 0 ? 0 : options.TopP * total);
        if (options.TopK > 0)
        {
            count = Math.Min(count, options.TopK);
            total = 0;
            for (int rank = 0; rank < count; rank++)
                total += weights[Token(rank)];
        }
        double kept = 0;
        int nucleus = 0;
        while (nucleus < count && (nucleus == 0 || kept < options.TopP * total))
            kept += weights[Token(nucleus++)];
        double remaining = NextUniform() * kept;
        for (int rank = 0; rank < nucleus - 1; rank++)
        {
            remaining -= weights[Token(rank)];
            if (remaining < 0)
                return Token(rank);
        }
        return Token(nucleus - 1);
    }

    /// <summary>Sorts enough tokens, most probable first, ties by id: at least TopK of them and at least <paramref name="mass"/>.</summary>
    /// <remarks>Sorting a whole vocabulary would cost more than reading the weights of a small model; those left out are all less probable.</remarks>
    private int RankMostProbable(ReadOnlySpan<float> logits, double mass)
    {
        for (double threshold = 1e-3; ; threshold *= 1e-3)
        {
            int count = 0;
            double covered = 0;
            for (int token = 0; token < weights.Length; token++)
            {
                if (weights[token] < threshold)
                    continue;
                covered += weights[token];
                ranking[count++] = SortKey(logits[token], token);
            }
            if ((count >= options.TopK && covered >= mass) || count == weights.Length || threshold == 0)
            {
                ranking.AsSpan(0, count).Sort();
                return count;
            }
        }
    }

    private int Token(int rank) => (int)(uint)ranking[rank];

    /// <summary>Ascending keys are descending logits, then ascending ids.</summary>
    private static ulong SortKey(float logit, int token)
    {
        uint bits = BitConverter.SingleToUInt32Bits(logit);
        uint ascending = (bits & 0x8000_0000) != 0 ? ~bits : bits | 0x8000_0000;
        return ((ulong)~ascending << 32) | (uint)token;
    }

    /// <summary>SplitMix64 (Steele, Lea and Flood 2014): the same numbers on every platform; 53 bits in [0, 1).</summary>
    private double NextUniform()
    {
        state += 0x9E3779B97F4A7C15;
        ulong mixed = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
        return ((mixed ^ (mixed >> 31)) >> 11) * (1.0 / (1UL << 53));
    }
}
