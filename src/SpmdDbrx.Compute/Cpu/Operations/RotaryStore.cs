using System.Runtime.CompilerServices;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>Clamps q, k and v, rotates q and k (rotate-half), stores k and v in the cache.</summary>
/// <remarks>An item is the tokens that share a panel of keys, and with it cache lines.</remarks>
internal unsafe struct RotaryStore<TVector>(
    RowPointer qkv, AttentionShape shape, KvPanels<TVector> cache, RotaryTable rotary, int position) : IParallelWork
    where TVector : unmanaged, IFloatVector<TVector>
{
    private readonly int headCount = shape.HeadCount;
    private readonly int kvHeadCount = shape.KvHeadCount;
    private readonly int headDim = shape.HeadDim;
    private readonly float clip = shape.Clip ?? float.PositiveInfinity;
    private readonly float* cosines = (float*)rotary.Cosines.Pointer;
    private readonly float* sines = (float*)rotary.Sines.Pointer;
    private readonly int firstPanel = position / TVector.Count;

    public readonly int ItemCount => ((position + qkv.Rows - 1) / TVector.Count) - firstPanel + 1;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run(int item, int thread)
    {
        int first = (firstPanel + item) * TVector.Count;
        int last = Math.Min(first + TVector.Count, position + qkv.Rows);
        for (int at = Math.Max(first, position); at < last; at++)
            Store(qkv.Row(at - position), at);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Store(float* q, int at)
    {
        float* k = q + (headCount * headDim);
        float* v = k + (kvHeadCount * headDim);
        int pairs = headDim / 2;
        float* cosine = cosines + ((long)at * pairs);
        float* sine = sines + ((long)at * pairs);
        for (int head = 0; head < headCount + kvHeadCount; head++)
            Rotate(q + (head * headDim), cosine, sine, pairs);
        for (int head = 0; head < kvHeadCount; head++)
        {
            StoreKey(k + (head * headDim), cache.Key(head, at));
            StoreValue(v + (head * headDim), cache.Value(head, at), cache.ValueDistance(at));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void StoreKey(float* source, float* target)
    {
        for (int index = 0; index < headDim; index++)
            target[index * TVector.Count] = source[index];
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void StoreValue(float* source, float* target, nint distance)
    {
        int index = 0;
        for (; index <= headDim - TVector.Count; index += TVector.Count)
        {
            Clamp(TVector.Load(source + index)).Store(target);
            target += distance;
        }
        for (int lane = 0; index < headDim; lane++, index++)
            target[lane] = Clamp(source[index]);
    }

    /// <summary>(a, b) → (a·cos − b·sin, b·cos + a·sin) for the pairs (i, i + pairs), after clamping.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Rotate(float* head, float* cosine, float* sine, int pairs)
    {
        int pair = 0;
        for (; pair <= pairs - TVector.Count; pair += TVector.Count)
        {
            TVector a = Clamp(TVector.Load(head + pair));
            TVector b = Clamp(TVector.Load(head + pairs + pair));
            TVector c = TVector.Load(cosine + pair);
            TVector s = TVector.Load(sine + pair);
            ((a * c) - (b * s)).Store(head + pair);
            ((b * c) + (a * s)).Store(head + pairs + pair);
        }
        for (; pair < pairs; pair++)
        {
            float a = Clamp(head[pair]);
            float b = Clamp(head[pairs + pair]);
            head[pair] = (a * cosine[pair]) - (b * sine[pair]);
            head[pairs + pair] = (b * cosine[pair]) + (a * sine[pair]);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly TVector Clamp(TVector value) =>
        TVector.Max(TVector.Broadcast(-clip), TVector.Min(TVector.Broadcast(clip), value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly float Clamp(float value) => MathF.Max(-clip, MathF.Min(clip, value));
}
