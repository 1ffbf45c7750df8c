using System.Runtime.CompilerServices;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>A product of twelve weight rows with a panel of tokens, kept in registers: 24 sums and 3 operands for processors with 32 vector registers.</summary>
internal static unsafe class TileOfTwelve<TVector> where TVector : unmanaged, IFloatVector<TVector>
{
    /// <summary>c[row][lane] += Σ_k a[row · rowStride + k · depthStride] · b[k][lane] for both registers of a panel; b [depth, 2 · Count], c [12, 2 · Count].</summary>
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
        TVector first6 = TVector.Load(c + (12 * TVector.Count));
        TVector second6 = TVector.Load(c + (13 * TVector.Count));
        TVector first7 = TVector.Load(c + (14 * TVector.Count));
        TVector second7 = TVector.Load(c + (15 * TVector.Count));
        TVector first8 = TVector.Load(c + (16 * TVector.Count));
        TVector second8 = TVector.Load(c + (17 * TVector.Count));
        TVector first9 = TVector.Load(c + (18 * TVector.Count));
        TVector second9 = TVector.Load(c + (19 * TVector.Count));
        TVector first10 = TVector.Load(c + (20 * TVector.Count));
        TVector second10 = TVector.Load(c + (21 * TVector.Count));
        TVector first11 = TVector.Load(c + (22 * TVector.Count));
        TVector second11 = TVector.Load(c + (23 * TVector.Count));
        float* a3 = a + (3 * rowStride);
        float* a6 = a + (6 * rowStride);
        float* a9 = a + (9 * rowStride);
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
            weight = TVector.Broadcast(*a6);
            first6 = TVector.MultiplyAdd(weight, first, first6);
            second6 = TVector.MultiplyAdd(weight, second, second6);
            weight = TVector.Broadcast(a6[rowStride]);
            first7 = TVector.MultiplyAdd(weight, first, first7);
            second7 = TVector.MultiplyAdd(weight, second, second7);
            weight = TVector.Broadcast(a6[2 * rowStride]);
            first8 = TVector.MultiplyAdd(weight, first, first8);
            second8 = TVector.MultiplyAdd(weight, second, second8);
            weight = TVector.Broadcast(*a9);
            first9 = TVector.MultiplyAdd(weight, first, first9);
            second9 = TVector.MultiplyAdd(weight, second, second9);
            weight = TVector.Broadcast(a9[rowStride]);
            first10 = TVector.MultiplyAdd(weight, first, first10);
            second10 = TVector.MultiplyAdd(weight, second, second10);
            weight = TVector.Broadcast(a9[2 * rowStride]);
            first11 = TVector.MultiplyAdd(weight, first, first11);
            second11 = TVector.MultiplyAdd(weight, second, second11);
            a += depthStride;
            a3 += depthStride;
            a6 += depthStride;
            a9 += depthStride;
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
        first6.Store(c + (12 * TVector.Count));
        second6.Store(c + (13 * TVector.Count));
        first7.Store(c + (14 * TVector.Count));
        second7.Store(c + (15 * TVector.Count));
        first8.Store(c + (16 * TVector.Count));
        second8.Store(c + (17 * TVector.Count));
        first9.Store(c + (18 * TVector.Count));
        second9.Store(c + (19 * TVector.Count));
        first10.Store(c + (20 * TVector.Count));
        second10.Store(c + (21 * TVector.Count));
        first11.Store(c + (22 * TVector.Count));
        second11.Store(c + (23 * TVector.Count));
    }

    /// <summary>c[row][lane] += Σ_k a[row · rowStride + k · depthStride] · b[k][lane] for the first register of a panel; b [depth, 2 · Count], c [12, 2 · Count].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Narrow(float* a, nint rowStride, nint depthStride, float* b, int depth, float* c)
    {
        TVector first0 = TVector.Load(c);
        TVector first1 = TVector.Load(c + (2 * TVector.Count));
        TVector first2 = TVector.Load(c + (4 * TVector.Count));
        TVector first3 = TVector.Load(c + (6 * TVector.Count));
        TVector first4 = TVector.Load(c + (8 * TVector.Count));
        TVector first5 = TVector.Load(c + (10 * TVector.Count));
        TVector first6 = TVector.Load(c + (12 * TVector.Count));
        TVector first7 = TVector.Load(c + (14 * TVector.Count));
        TVector first8 = TVector.Load(c + (16 * TVector.Count));
        TVector first9 = TVector.Load(c + (18 * TVector.Count));
        TVector first10 = TVector.Load(c + (20 * TVector.Count));
        TVector first11 = TVector.Load(c + (22 * TVector.Count));
        float* a3 = a + (3 * rowStride);
        float* a6 = a + (6 * rowStride);
        float* a9 = a + (9 * rowStride);
        for (; depth > 0; depth--)
        {
            TVector first = TVector.Load(b);
            first0 = TVector.MultiplyAdd(TVector.Broadcast(*a), first, first0);
            first1 = TVector.MultiplyAdd(TVector.Broadcast(a[rowStride]), first, first1);
            first2 = TVector.MultiplyAdd(TVector.Broadcast(a[2 * rowStride]), first, first2);
            first3 = TVector.MultiplyAdd(TVector.Broadcast(*a3), first, first3);
            first4 = TVector.MultiplyAdd(TVector.Broadcast(a3[rowStride]), first, first4);
            first5 = TVector.MultiplyAdd(TVector.Broadcast(a3[2 * rowStride]), first, first5);
            first6 = TVector.MultiplyAdd(TVector.Broadcast(*a6), first, first6);
            first7 = TVector.MultiplyAdd(TVector.Broadcast(a6[rowStride]), first, first7);
            first8 = TVector.MultiplyAdd(TVector.Broadcast(a6[2 * rowStride]), first, first8);
            first9 = TVector.MultiplyAdd(TVector.Broadcast(*a9), first, first9);
            first10 = TVector.MultiplyAdd(TVector.Broadcast(a9[rowStride]), first, first10);
            first11 = TVector.MultiplyAdd(TVector.Broadcast(a9[2 * rowStride]), first, first11);
            a += depthStride;
            a3 += depthStride;
            a6 += depthStride;
            a9 += depthStride;
            b += 2 * TVector.Count;
        }
        first0.Store(c);
        first1.Store(c + (2 * TVector.Count));
        first2.Store(c + (4 * TVector.Count));
        first3.Store(c + (6 * TVector.Count));
        first4.Store(c + (8 * TVector.Count));
        first5.Store(c + (10 * TVector.Count));
        first6.Store(c + (12 * TVector.Count));
        first7.Store(c + (14 * TVector.Count));
        first8.Store(c + (16 * TVector.Count));
        first9.Store(c + (18 * TVector.Count));
        first10.Store(c + (20 * TVector.Count));
        first11.Store(c + (22 * TVector.Count));
    }
}
