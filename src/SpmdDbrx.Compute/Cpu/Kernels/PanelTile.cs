using System.Runtime.CompilerServices;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>Sums of a few rows, broadcast, times panels of one register's width, kept in registers: 12 sums, or fewer for panels that are left over.</summary>
/// <remarks>In caches of keys and values each panel is a stream through memory of its own, read from front to back. Each line is asked for
/// once, ahead of its use, where the type argument says so.
/// For all: c[row · cRow + panel · cDistance + lane] += Σ_k a[row · aRow + k · aStep] · b[panel · bDistance + k · bStep + lane],
/// with steps of 1 and Count where a method takes none.</remarks>
internal static unsafe class PanelTile<TVector> where TVector : unmanaged, IFloatVector<TVector>
{
    private const int LineFloats = 16;

    /// <summary>Six rows, two panels.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void SixByTwo<TPrefetch>(
        float* a, nint aRow, nint aStep, float* b, nint bDistance, nint bStep, int depth, float* c, nint cRow, nint cDistance)
        where TPrefetch : struct, IPrefetch
    {
        float* c3 = c + (3 * cRow);
        TVector first0 = TVector.Load(c), second0 = TVector.Load(c + cDistance);
        TVector first1 = TVector.Load(c + cRow), second1 = TVector.Load(c + cRow + cDistance);
        TVector first2 = TVector.Load(c + (2 * cRow)), second2 = TVector.Load(c + (2 * cRow) + cDistance);
        TVector first3 = TVector.Load(c3), second3 = TVector.Load(c3 + cDistance);
        TVector first4 = TVector.Load(c3 + cRow), second4 = TVector.Load(c3 + cRow + cDistance);
        TVector first5 = TVector.Load(c3 + (2 * cRow)), second5 = TVector.Load(c3 + (2 * cRow) + cDistance);
        float* a3 = a + (3 * aRow);
        for (; depth > 0; depth--)
        {
            if (StartsLine(depth))
            {
                Prefetch<TPrefetch>.Ahead((byte*)b);
                Prefetch<TPrefetch>.Ahead((byte*)(b + bDistance));
            }
            TVector first = TVector.Load(b), second = TVector.Load(b + bDistance);
            TVector factor = TVector.Broadcast(*a);
            first0.AddProduct(factor, first);
            second0.AddProduct(factor, second);
            factor = TVector.Broadcast(a[aRow]);
            first1.AddProduct(factor, first);
            second1.AddProduct(factor, second);
            factor = TVector.Broadcast(a[2 * aRow]);
            first2.AddProduct(factor, first);
            second2.AddProduct(factor, second);
            factor = TVector.Broadcast(*a3);
            first3.AddProduct(factor, first);
            second3.AddProduct(factor, second);
            factor = TVector.Broadcast(a3[aRow]);
            first4.AddProduct(factor, first);
            second4.AddProduct(factor, second);
            factor = TVector.Broadcast(a3[2 * aRow]);
            first5.AddProduct(factor, first);
            second5.AddProduct(factor, second);
            a += aStep;
            a3 += aStep;
            b += bStep;
        }
        first0.Store(c);
        second0.Store(c + cDistance);
        first1.Store(c + cRow);
        second1.Store(c + cRow + cDistance);
        first2.Store(c + (2 * cRow));
        second2.Store(c + (2 * cRow) + cDistance);
        first3.Store(c3);
        second3.Store(c3 + cDistance);
        first4.Store(c3 + cRow);
        second4.Store(c3 + cRow + cDistance);
        first5.Store(c3 + (2 * cRow));
        second5.Store(c3 + (2 * cRow) + cDistance);
    }

    /// <summary>Six rows, one panel.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void SixByOne(float* a, nint aRow, nint aStep, float* b, nint bStep, int depth, float* c, nint cRow)
    {
        float* c3 = c + (3 * cRow);
        TVector sum0 = TVector.Load(c), sum1 = TVector.Load(c + cRow), sum2 = TVector.Load(c + (2 * cRow));
        TVector sum3 = TVector.Load(c3), sum4 = TVector.Load(c3 + cRow), sum5 = TVector.Load(c3 + (2 * cRow));
        float* a3 = a + (3 * aRow);
        for (; depth > 0; depth--)
        {
            TVector value = TVector.Load(b);
            sum0.AddProduct(TVector.Broadcast(*a), value);
            sum1.AddProduct(TVector.Broadcast(a[aRow]), value);
            sum2.AddProduct(TVector.Broadcast(a[2 * aRow]), value);
            sum3.AddProduct(TVector.Broadcast(*a3), value);
            sum4.AddProduct(TVector.Broadcast(a3[aRow]), value);
            sum5.AddProduct(TVector.Broadcast(a3[2 * aRow]), value);
            a += aStep;
            a3 += aStep;
            b += bStep;
        }
        sum0.Store(c);
        sum1.Store(c + cRow);
        sum2.Store(c + (2 * cRow));
        sum3.Store(c3);
        sum4.Store(c3 + cRow);
        sum5.Store(c3 + (2 * cRow));
    }

    /// <summary>Four rows, three panels.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void FourByThree<TPrefetch>(float* a, nint aRow, float* b, nint bDistance, int depth, float* c, nint cRow, nint cDistance)
        where TPrefetch : struct, IPrefetch
    {
        float* c2 = c + (2 * cRow);
        nint cTwo = 2 * cDistance;
        TVector first0 = TVector.Load(c), second0 = TVector.Load(c + cDistance), third0 = TVector.Load(c + cTwo);
        TVector first1 = TVector.Load(c + cRow), second1 = TVector.Load(c + cRow + cDistance), third1 = TVector.Load(c + cRow + cTwo);
        TVector first2 = TVector.Load(c2), second2 = TVector.Load(c2 + cDistance), third2 = TVector.Load(c2 + cTwo);
        TVector first3 = TVector.Load(c2 + cRow), second3 = TVector.Load(c2 + cRow + cDistance), third3 = TVector.Load(c2 + cRow + cTwo);
        float* a2 = a + (2 * aRow);
        nint bTwo = 2 * bDistance;
        for (; depth > 0; depth--)
        {
            if (StartsLine(depth))
            {
                Prefetch<TPrefetch>.Ahead((byte*)b);
                Prefetch<TPrefetch>.Ahead((byte*)(b + bDistance));
                Prefetch<TPrefetch>.Ahead((byte*)(b + bTwo));
            }
            TVector first = TVector.Load(b), second = TVector.Load(b + bDistance), third = TVector.Load(b + bTwo);
            TVector factor = TVector.Broadcast(*a);
            first0.AddProduct(factor, first);
            second0.AddProduct(factor, second);
            third0.AddProduct(factor, third);
            factor = TVector.Broadcast(a[aRow]);
            first1.AddProduct(factor, first);
            second1.AddProduct(factor, second);
            third1.AddProduct(factor, third);
            factor = TVector.Broadcast(*a2);
            first2.AddProduct(factor, first);
            second2.AddProduct(factor, second);
            third2.AddProduct(factor, third);
            factor = TVector.Broadcast(a2[aRow]);
            first3.AddProduct(factor, first);
            second3.AddProduct(factor, second);
            third3.AddProduct(factor, third);
            a++;
            a2++;
            b += TVector.Count;
        }
        first0.Store(c);
        second0.Store(c + cDistance);
        third0.Store(c + cTwo);
        first1.Store(c + cRow);
        second1.Store(c + cRow + cDistance);
        third1.Store(c + cRow + cTwo);
        first2.Store(c2);
        second2.Store(c2 + cDistance);
        third2.Store(c2 + cTwo);
        first3.Store(c2 + cRow);
        second3.Store(c2 + cRow + cDistance);
        third3.Store(c2 + cRow + cTwo);
    }

    /// <summary>Four rows, two panels.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void FourByTwo<TPrefetch>(float* a, nint aRow, float* b, nint bDistance, int depth, float* c, nint cRow, nint cDistance)
        where TPrefetch : struct, IPrefetch
    {
        float* c2 = c + (2 * cRow);
        TVector first0 = TVector.Load(c), second0 = TVector.Load(c + cDistance);
        TVector first1 = TVector.Load(c + cRow), second1 = TVector.Load(c + cRow + cDistance);
        TVector first2 = TVector.Load(c2), second2 = TVector.Load(c2 + cDistance);
        TVector first3 = TVector.Load(c2 + cRow), second3 = TVector.Load(c2 + cRow + cDistance);
        float* a2 = a + (2 * aRow);
        float* other = b + bDistance;
        for (; depth >= 4; depth -= 4)
        {
            AddStep<TPrefetch>(0, a, a2, aRow, b, other, ref first0, ref second0, ref first1, ref second1, ref first2, ref second2, ref first3, ref second3);
            AddStep<TPrefetch>(1, a, a2, aRow, b, other, ref first0, ref second0, ref first1, ref second1, ref first2, ref second2, ref first3, ref second3);
            AddStep<TPrefetch>(2, a, a2, aRow, b, other, ref first0, ref second0, ref first1, ref second1, ref first2, ref second2, ref first3, ref second3);
            AddStep<TPrefetch>(3, a, a2, aRow, b, other, ref first0, ref second0, ref first1, ref second1, ref first2, ref second2, ref first3, ref second3);
            a += 4;
            a2 += 4;
            b += 4 * TVector.Count;
            other += 4 * TVector.Count;
        }
        for (; depth > 0; depth--)
        {
            AddStep<TPrefetch>(0, a, a2, aRow, b, other, ref first0, ref second0, ref first1, ref second1, ref first2, ref second2, ref first3, ref second3);
            a++;
            a2++;
            b += TVector.Count;
            other += TVector.Count;
        }
        first0.Store(c);
        second0.Store(c + cDistance);
        first1.Store(c + cRow);
        second1.Store(c + cRow + cDistance);
        first2.Store(c2);
        second2.Store(c2 + cDistance);
        first3.Store(c2 + cRow);
        second3.Store(c2 + cRow + cDistance);
    }

    /// <summary>One step of <see cref="FourByTwo"/>, whose number behind the pointers is a constant, so that it becomes part of the instructions.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddStep<TPrefetch>(
        int step, float* a, float* a2, nint aRow, float* b, float* other,
        ref TVector first0, ref TVector second0, ref TVector first1, ref TVector second1,
        ref TVector first2, ref TVector second2, ref TVector first3, ref TVector second3)
        where TPrefetch : struct, IPrefetch
    {
        int offset = step * TVector.Count;
        if (offset % LineFloats == 0)
        {
            Prefetch<TPrefetch>.Ahead((byte*)(b + offset));
            Prefetch<TPrefetch>.Ahead((byte*)(other + offset));
        }
        TVector first = TVector.Load(b + offset), second = TVector.Load(other + offset);
        TVector factor = TVector.Broadcast(a[step]);
        first0.AddProduct(factor, first);
        second0.AddProduct(factor, second);
        factor = TVector.Broadcast((a + aRow)[step]);
        first1.AddProduct(factor, first);
        second1.AddProduct(factor, second);
        factor = TVector.Broadcast(a2[step]);
        first2.AddProduct(factor, first);
        second2.AddProduct(factor, second);
        factor = TVector.Broadcast((a2 + aRow)[step]);
        first3.AddProduct(factor, first);
        second3.AddProduct(factor, second);
    }

    /// <summary>Whether a step is the one of those in a cache line that asks for lines ahead.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool StartsLine(int depth) => TVector.Count >= LineFloats || depth % (LineFloats / TVector.Count) == 0;
}
