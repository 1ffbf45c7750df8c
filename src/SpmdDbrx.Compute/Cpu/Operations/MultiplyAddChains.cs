using System.Runtime.CompilerServices;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>Nothing but fused multiply-adds, in as many independent chains as the registers hold: the arithmetic ceiling of a core. An item is one run of them.</summary>
internal unsafe struct MultiplyAddChains<TVector>(float* sink) : IParallelWork where TVector : unmanaged, IFloatVector<TVector>
{
    private const int Rounds = 250_000;

    /// <summary>Floating-point operations of an item, a multiply-add counted as two.</summary>
    public static double ItemFlop => 2.0 * Rounds * 12 * TVector.Count;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run(int item, int thread)
    {
        TVector factor = TVector.Broadcast(0.999f), addend = TVector.Broadcast(0.001f);
        TVector a = addend, b = addend, c = addend, d = addend, e = addend, f = addend;
        TVector g = addend, h = addend, i = addend, j = addend, k = addend, l = addend;
        for (int round = 0; round < Rounds; round++)
        {
            a = TVector.MultiplyAdd(a, factor, addend);
            b = TVector.MultiplyAdd(b, factor, addend);
            c = TVector.MultiplyAdd(c, factor, addend);
            d = TVector.MultiplyAdd(d, factor, addend);
            e = TVector.MultiplyAdd(e, factor, addend);
            f = TVector.MultiplyAdd(f, factor, addend);
            g = TVector.MultiplyAdd(g, factor, addend);
            h = TVector.MultiplyAdd(h, factor, addend);
            i = TVector.MultiplyAdd(i, factor, addend);
            j = TVector.MultiplyAdd(j, factor, addend);
            k = TVector.MultiplyAdd(k, factor, addend);
            l = TVector.MultiplyAdd(l, factor, addend);
        }
        sink[thread] = TVector.Sum(a + b + c + d + e + f + g + h + i + j + k + l);
    }
}
