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
            first0.AddProduct(weight, first);
            second0.AddProduct(weight, second);
            weight = TVector.Broadcast(a[rowStride]);
            first1.AddProduct(weight, first);
            second1.AddProduct(weight, second);
            weight = TVector.Broadcast(a[2 * rowStride]);
            first2.AddProduct(weight, first);
            second2.AddProduct(weight, second);
            weight = TVector.Broadcast(*a3);
            first3.AddProduct(weight, first);
            second3.AddProduct(weight, second);
            weight = TVector.Broadcast(a3[rowStride]);
            first4.AddProduct(weight, first);
            second4.AddProduct(weight, second);
            weight = TVector.Broadcast(a3[2 * rowStride]);
            first5.AddProduct(weight, first);
            second5.AddProduct(weight, second);
            weight = TVector.Broadcast(*a6);
            first6.AddProduct(weight, first);
            second6.AddProduct(weight, second);
            weight = TVector.Broadcast(a6[rowStride]);
            first7.AddProduct(weight, first);
            second7.AddProduct(weight, second);
            weight = TVector.Broadcast(a6[2 * rowStride]);
            first8.AddProduct(weight, first);
            second8.AddProduct(weight, second);
            weight = TVector.Broadcast(*a9);
            first9.AddProduct(weight, first);
            second9.AddProduct(weight, second);
            weight = TVector.Broadcast(a9[rowStride]);
            first10.AddProduct(weight, first);
            second10.AddProduct(weight, second);
            weight = TVector.Broadcast(a9[2 * rowStride]);
            first11.AddProduct(weight, first);
            second11.AddProduct(weight, second);
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
            first0.AddProduct(TVector.Broadcast(*a), first);
            first1.AddProduct(TVector.Broadcast(a[rowStride]), first);
            first2.AddProduct(TVector.Broadcast(a[2 * rowStride]), first);
            first3.AddProduct(TVector.Broadcast(*a3), first);
            first4.AddProduct(TVector.Broadcast(a3[rowStride]), first);
            first5.AddProduct(TVector.Broadcast(a3[2 * rowStride]), first);
            first6.AddProduct(TVector.Broadcast(*a6), first);
            first7.AddProduct(TVector.Broadcast(a6[rowStride]), first);
            first8.AddProduct(TVector.Broadcast(a6[2 * rowStride]), first);
            first9.AddProduct(TVector.Broadcast(*a9), first);
            first10.AddProduct(TVector.Broadcast(a9[rowStride]), first);
            first11.AddProduct(TVector.Broadcast(a9[2 * rowStride]), first);
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
