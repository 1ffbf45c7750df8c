using System.Runtime.CompilerServices;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>A product of six weight rows with a panel of tokens, kept in registers: 12 sums and 3 operands for processors with 16 vector registers.</summary>
internal static unsafe class TileOfSix<TVector> where TVector : unmanaged, IFloatVector<TVector>
{
    /// <summary>c[row][lane] += Σ_k a[row · rowStride + k · depthStride] · b[k][lane] for both registers of a panel; b [depth, 2 · Count], c [6, 2 · Count].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Wide(float* a, nint rowStride, nint depthStride, float* b, int depth, float* c)
    {
        TVector first0 = TVector.Load(c);
        TVector second0 = TVector.Load(c + TVector.Count);
        TVector first1 = TVector.Load(c + (2 * TVector.Count));
        TVector second1 = TVector.Load(c + (3 * TVector.Count));
        TVector first2 = TVector.Load(c + (4 * TVector.Count));
        TVector second2 = TVector.Load(c + (5 * TVector.Count));
        TVector first3 = TVector.Load(c + (6 * TVector.Count));
        TVector second3 = TVector.Load(c + (7 * TVector.Count));
        TVector first4 = TVector.Load(c + (8 * TVector.Count));
        TVector second4 = TVector.Load(c + (9 * TVector.Count));
        TVector first5 = TVector.Load(c + (10 * TVector.Count));
        TVector second5 = TVector.Load(c + (11 * TVector.Count));
        float* a3 = a + (3 * rowStride);
        for (; depth > 0; depth--)
        {
            TVector first = TVector.Load(b);
            TVector second = TVector.Load(b + TVector.Count);
            TVector weight = TVector.Broadcast(*a);
            first0 = TVector.MultiplyAdd(weight, first, first0);
            second0 = TVector.MultiplyAdd(weight, second, second0);
            weight = TVector.Broadcast(a[rowStride]);
            first1 = TVector.MultiplyAdd(weight, first, first1);
            second1 = TVector.MultiplyAdd(weight, second, second1);
            weight = TVector.Broadcast(a[2 * rowStride]);
            first2 = TVector.MultiplyAdd(weight, first, first2);
            second2 = TVector.MultiplyAdd(weight, second, second2);
            weight = TVector.Broadcast(*a3);
            first3 = TVector.MultiplyAdd(weight, first, first3);
            second3 = TVector.MultiplyAdd(weight, second, second3);
            weight = TVector.Broadcast(a3[rowStride]);
            first4 = TVector.MultiplyAdd(weight, first, first4);
            second4 = TVector.MultiplyAdd(weight, second, second4);
            weight = TVector.Broadcast(a3[2 * rowStride]);
            first5 = TVector.MultiplyAdd(weight, first, first5);
            second5 = TVector.MultiplyAdd(weight, second, second5);
            a += depthStride;
            a3 += depthStride;
            b += 2 * TVector.Count;
        }
        first0.Store(c);
        second0.Store(c + TVector.Count);
        first1.Store(c + (2 * TVector.Count));
        second1.Store(c + (3 * TVector.Count));
        first2.Store(c + (4 * TVector.Count));
        second2.Store(c + (5 * TVector.Count));
        first3.Store(c + (6 * TVector.Count));
        second3.Store(c + (7 * TVector.Count));
        first4.Store(c + (8 * TVector.Count));
        second4.Store(c + (9 * TVector.Count));
        first5.Store(c + (10 * TVector.Count));
        second5.Store(c + (11 * TVector.Count));
    }

    /// <summary>c[row][lane] += Σ_k a[row · rowStride + k · depthStride] · b[k][lane] for the first register of a panel; b [depth, 2 · Count], c [6, 2 · Count].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Narrow(float* a, nint rowStride, nint depthStride, float* b, int depth, float* c)
    {
        TVector first0 = TVector.Load(c);
        TVector first1 = TVector.Load(c + (2 * TVector.Count));
        TVector first2 = TVector.Load(c + (4 * TVector.Count));
        TVector first3 = TVector.Load(c + (6 * TVector.Count));
        TVector first4 = TVector.Load(c + (8 * TVector.Count));
        TVector first5 = TVector.Load(c + (10 * TVector.Count));
        float* a3 = a + (3 * rowStride);
        for (; depth > 0; depth--)
        {
            TVector first = TVector.Load(b);
            first0 = TVector.MultiplyAdd(TVector.Broadcast(*a), first, first0);
            first1 = TVector.MultiplyAdd(TVector.Broadcast(a[rowStride]), first, first1);
            first2 = TVector.MultiplyAdd(TVector.Broadcast(a[2 * rowStride]), first, first2);
            first3 = TVector.MultiplyAdd(TVector.Broadcast(*a3), first, first3);
            first4 = TVector.MultiplyAdd(TVector.Broadcast(a3[rowStride]), first, first4);
            first5 = TVector.MultiplyAdd(TVector.Broadcast(a3[2 * rowStride]), first, first5);
            a += depthStride;
            a3 += depthStride;
            b += 2 * TVector.Count;
        }
        first0.Store(c);
        first1.Store(c + (2 * TVector.Count));
        first2.Store(c + (4 * TVector.Count));
        first3.Store(c + (6 * TVector.Count));
        first4.Store(c + (8 * TVector.Count));
        first5.Store(c + (10 * TVector.Count));
    }
}
