using System.Runtime.CompilerServices;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>Softmax over scores that come in blocks, one per lane of a panel (online softmax, arXiv 1805.02867).</summary>
internal unsafe struct PanelSoftmax<TVector> where TVector : unmanaged, IFloatVector<TVector>
{
    private TVector firstLargest = TVector.Broadcast(float.NegativeInfinity);
    private TVector secondLargest = TVector.Broadcast(float.NegativeInfinity);
    private TVector firstTotal = TVector.Zero;
    private TVector secondTotal = TVector.Zero;

    public PanelSoftmax()
    {
    }

    /// <summary>Turns a block of scores into e^(score − largest so far), and scales what was summed before to the same maximum.</summary>
    /// <param name="scores">[count, lanes].</param>
    /// <param name="count">Keys of the block.</param>
    /// <param name="sums">Weighted values so far.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Add(float* scores, int count, Panels sums)
    {
        TVector firstBefore = firstLargest, secondBefore = secondLargest;
        float* end = scores + (count * 2 * TVector.Count);
        for (float* row = scores; row < end; row += 2 * TVector.Count)
        {
            firstLargest = TVector.Max(firstLargest, TVector.Load(row));
            secondLargest = TVector.Max(secondLargest, TVector.Load(row + TVector.Count));
        }
        TVector firstFactor = VectorMath.Exp(firstBefore - firstLargest);
        TVector secondFactor = VectorMath.Exp(secondBefore - secondLargest);
        ScaleRows(sums, firstFactor, secondFactor);
        firstTotal *= firstFactor;
        secondTotal *= secondFactor;
        for (float* row = scores; row < end; row += 2 * TVector.Count)
        {
            TVector first = VectorMath.Exp(TVector.Load(row) - firstLargest);
            TVector second = VectorMath.Exp(TVector.Load(row + TVector.Count) - secondLargest);
            first.Store(row);
            second.Store(row + TVector.Count);
            firstTotal += first;
            secondTotal += second;
        }
    }

    /// <summary>Divides the weighted values by the sum of their weights.</summary>
    public readonly void Finish(Panels sums) =>
        ScaleRows(sums, TVector.Broadcast(1f) / firstTotal, TVector.Broadcast(1f) / secondTotal);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ScaleRows(Panels sums, TVector first, TVector second)
    {
        float* end = sums.Row(1, 0);
        for (float* row = sums.Row(0, 0); row < end; row += 2 * TVector.Count)
        {
            (TVector.Load(row) * first).Store(row);
            (TVector.Load(row + TVector.Count) * second).Store(row + TVector.Count);
        }
    }
}
