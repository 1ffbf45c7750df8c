using System.Runtime.CompilerServices;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>Clamps q, k and v, rotates q and k (rotate-half), stores k and v in the cache; an item is a token.</summary>
internal unsafe struct RotaryStore<TVector>(
    RowPointer qkv, int headCount, int kvHeadCount, int headDim, float clip, float* cosines, float* sines,
    float* keys, float* values, int capacity, int position) : IParallelWork
    where TVector : unmanaged, IFloatVector<TVector>
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run(int item, int thread)
    {
        float* q = qkv.Row(item);
        float* k = q + (headCount * headDim);
        float* v = k + (kvHeadCount * headDim);
        long row = position + item;
        int pairs = headDim / 2;
        float* cosine = cosines + (row * pairs);
        float* sine = sines + (row * pairs);
        for (int head = 0; head < headCount; head++)
            Rotate(q + (head * headDim), cosine, sine, pairs, q + (head * headDim));
        for (int head = 0; head < kvHeadCount; head++)
        {
            long target = ((head * (long)capacity) + row) * headDim;
            Rotate(k + (head * headDim), cosine, sine, pairs, keys + target);
            Clamp(v + (head * headDim), headDim, values + target);
        }
    }

    /// <summary>(a, b) → (a·cos − b·sin, b·cos + a·sin) for the pairs (i, i + pairs), after clamping.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Rotate(float* source, float* cosine, float* sine, int pairs, float* target)
    {
        int pair = 0;
        for (; pair <= pairs - TVector.Count; pair += TVector.Count)
        {
            TVector a = Clamp(TVector.Load(source + pair));
            TVector b = Clamp(TVector.Load(source + pairs + pair));
            TVector c = TVector.Load(cosine + pair);
            TVector s = TVector.Load(sine + pair);
            ((a * c) - (b * s)).Store(target + pair);
            ((b * c) + (a * s)).Store(target + pairs + pair);
        }
        for (; pair < pairs; pair++)
        {
            float a = Clamp(source[pair]);
            float b = Clamp(source[pairs + pair]);
            target[pair] = (a * cosine[pair]) - (b * sine[pair]);
            target[pairs + pair] = (b * cosine[pair]) + (a * sine[pair]);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Clamp(float* source, int count, float* target)
    {
        int index = 0;
        for (; index <= count - TVector.Count; index += TVector.Count)
            Clamp(TVector.Load(source + index)).Store(target + index);
        for (; index < count; index++)
            target[index] = Clamp(source[index]);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly TVector Clamp(TVector value) =>
        TVector.Max(TVector.Broadcast(-clip), TVector.Min(TVector.Broadcast(clip), value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly float Clamp(float value) => MathF.Max(-clip, MathF.Min(clip, value));
}
