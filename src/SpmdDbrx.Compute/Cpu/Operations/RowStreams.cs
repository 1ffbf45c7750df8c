using System.Runtime.CompilerServices;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>The rows of one strip of weights as runs of equal length, read side by side: as many as suit the processor's memory.</summary>
/// <remarks>A few tokens share each row while a cache holds it; what a token gets does not depend on the others.</remarks>
/// <param name="strip">The strip.</param>
/// <param name="asksAhead">Whether one token asks for a pair of runs ahead; several always do, for each line then meets more arithmetic.</param>
internal readonly unsafe struct RowStreams<TVector, TElement>(WeightPointer strip, bool asksAhead)
    where TVector : unmanaged, IFloatVector<TVector>
    where TElement : struct, IWeightElement
{
    /// <summary>Runs.</summary>
    public static int Count
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => MemoryStreams.Count<TVector>();
    }

    /// <summary>Rows of a run.</summary>
    public int Length { get; } = strip.Rows / Count;

    private nint Distance => strip.Distance(Length);

    /// <summary>dots[token][row] = x of the token · row, for rows first … first + count − 1 of every run, and behind the last run once they reach its end.</summary>
    /// <param name="first">First row of each run.</param>
    /// <param name="count">Rows of each run.</param>
    /// <param name="tokens">Tokens and their x [columns of the strip].</param>
    /// <param name="dots">A token's are <paramref name="stride"/> floats behind those before it.</param>
    /// <param name="stride">At least as many as the strip has rows.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Dot(int first, int count, in ArrangedTokens tokens, float* dots, int stride)
    {
        if (Count == MemoryStreams.Eight)
            DotEights(first, count, tokens, dots, stride);
        else if (tokens.Count > 1)
            DotPairs(first, count, tokens, dots, stride);
        else if (asksAhead)
            DotPairs<PairRead>(first, count, tokens.Row(0), dots);
        else
            DotPairs<NoPrefetch>(first, count, tokens.Row(0), dots);
        for (int row = Count * Length; row < strip.Rows && first + count == Length; row++)
        {
            for (int token = 0; token < tokens.Count; token++)
                dots[((long)token * stride) + row] = DotRows<TVector, TElement>.One(strip.Row(row), tokens.Row(token), strip.Columns);
        }
    }

    /// <summary>targets[token] += Σ scales[token][row] · row, for the same rows.</summary>
    /// <param name="first">First row of each run.</param>
    /// <param name="count">Rows of each run.</param>
    /// <param name="tokens">Tokens.</param>
    /// <param name="scales">As the dots above.</param>
    /// <param name="stride">As above.</param>
    /// <param name="targets">[token][columns of the strip] in lane order.</param>
    /// <param name="targetStride">Floats from a token's target to the next.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Accumulate(int first, int count, int tokens, float* scales, int stride, float* targets, int targetStride)
    {
        if (Count == MemoryStreams.Eight)
            AccumulateEights(first, count, tokens, scales, stride, targets, targetStride);
        else if (tokens > 1)
            AccumulatePairs(first, count, tokens, scales, stride, targets, targetStride);
        else if (asksAhead)
            AccumulatePairs<PairRead>(first, count, scales, targets);
        else
            AccumulatePairs<NoPrefetch>(first, count, scales, targets);
        for (int row = Count * Length; row < strip.Rows && first + count == Length; row++)
        {
            for (int token = 0; token < tokens; token++)
            {
                AccumulateRows<TVector, TElement>.One(
                    strip.Row(row), scales[((long)token * stride) + row], strip.Columns, targets + ((long)token * targetStride));
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void DotPairs<TPrefetch>(int first, int count, float* x, float* dots) where TPrefetch : struct, IPrefetch =>
        DotRows<TVector, TElement>.Pairs<TPrefetch>(
            strip.Row(first), Distance, strip.Distance(1), count, x, strip.Columns, dots + first, dots + Length + first);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void AccumulatePairs<TPrefetch>(int first, int count, float* scales, float* target) where TPrefetch : struct, IPrefetch =>
        AccumulateRows<TVector, TElement>.Pairs<TPrefetch>(
            strip.Row(first), Distance, strip.Distance(1), count, scales + first, scales + Length + first, strip.Columns, target);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void DotPairs(int first, int count, in ArrangedTokens tokens, float* dots, int stride)
    {
        float* x = stackalloc float[MemoryStreams.Pair];
        float* y = stackalloc float[MemoryStreams.Pair];
        for (int row = first; row < first + count; row++)
        {
            int token = 0;
            for (; token + 2 <= tokens.Count; token += 2)
            {
                DotRows<TVector, TElement>.PairByTwo(
                    strip.Row(row), Distance, tokens.Row(token), tokens.Row(token + 1), strip.Columns, x, y);
                Scatter(x, dots + ((long)token * stride) + row);
                Scatter(y, dots + ((long)(token + 1) * stride) + row);
            }
            float* last = dots + ((long)token * stride) + row;
            if (token < tokens.Count)
                DotRows<TVector, TElement>.Pairs<NoPrefetch>(strip.Row(row), Distance, 0, 1, tokens.Row(token), strip.Columns, last, last + Length);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void DotEights(int first, int count, in ArrangedTokens tokens, float* dots, int stride)
    {
        float* x = stackalloc float[MemoryStreams.Eight];
        float* y = stackalloc float[MemoryStreams.Eight];
        for (int row = first; row < first + count; row++)
        {
            byte* weights = strip.Row(row);
            int token = 0;
            for (; token + 2 <= tokens.Count; token += 2)
            {
                float* input = tokens.Row(token);
                float* otherInput = tokens.Row(token + 1);
                DotRows<TVector, TElement>.FourByTwo(weights, Distance, input, otherInput, strip.Columns, x, y);
                DotRows<TVector, TElement>.FourByTwo(weights + (4 * Distance), Distance, input, otherInput, strip.Columns, x + 4, y + 4);
                Scatter(x, dots + ((long)token * stride) + row);
                Scatter(y, dots + ((long)(token + 1) * stride) + row);
            }
            if (token == tokens.Count)
                continue;
            DotRows<TVector, TElement>.Eight(weights, Distance, tokens.Row(token), strip.Columns, x);
            Scatter(x, dots + ((long)token * stride) + row);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void AccumulatePairs(int first, int count, int tokens, float* scales, int stride, float* targets, int targetStride)
    {
        for (int row = first; row < first + count; row++)
        {
            float* mine = scales + row;
            float* target = targets;
            int token = 0;
            for (; token + 2 <= tokens; token += 2)
            {
                AccumulateRows<TVector, TElement>.PairByTwo(
                    strip.Row(row), Distance, (mine[0], mine[Length]), (mine[stride], mine[stride + Length]), strip.Columns, target, target + targetStride);
                mine += 2L * stride;
                target += 2L * targetStride;
            }
            if (token < tokens)
                AccumulateRows<TVector, TElement>.Pairs<NoPrefetch>(strip.Row(row), Distance, 0, 1, mine, mine + Length, strip.Columns, target);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void AccumulateEights(int first, int count, int tokens, float* scales, int stride, float* targets, int targetStride)
    {
        float* eight = stackalloc float[MemoryStreams.Eight];
        for (int row = first; row < first + count; row++)
        {
            for (int token = 0; token < tokens; token++)
            {
                float* target = targets + ((long)token * targetStride);
                Gather(scales + ((long)token * stride) + row, eight);
                if (tokens == 1)
                    AccumulateRows<TVector, TElement>.Eight<ReadOnce>(strip.Row(row), Distance, eight, strip.Columns, target);
                else
                    AccumulateRows<TVector, TElement>.Eight<ReadAgain>(strip.Row(row), Distance, eight, strip.Columns, target);
            }
        }
    }

    /// <summary>A number of each run to its row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Scatter(float* source, float* target)
    {
        for (int run = 0; run < Count; run++)
            target[(long)run * Length] = source[run];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Gather(float* source, float* target)
    {
        for (int run = 0; run < Count; run++)
            target[run] = source[(long)run * Length];
    }
}
