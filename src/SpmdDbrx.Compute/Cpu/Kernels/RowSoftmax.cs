using System.Runtime.CompilerServices;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>Softmax over rows of scores that come in blocks: maximum and sum of a row are carried from block to block (online softmax, arXiv 1805.02867).</summary>
/// <param name="memory">Two floats a row.</param>
/// <param name="rows">Rows.</param>
/// <param name="sums">Weighted values so far, [rows, sumLength].</param>
/// <param name="sumLength">Floats from a row of <paramref name="sums"/> to the next.</param>
internal readonly unsafe struct RowSoftmax<TVector>(float* memory, int rows, float* sums, int sumLength)
    where TVector : unmanaged, IFloatVector<TVector>
{
    private readonly float* largest = memory;
    private readonly float* totals = memory + rows;

    /// <summary>Nothing seen, all sums zero.</summary>
    public void Begin()
    {
        new Span<float>(largest, rows).Fill(float.NegativeInfinity);
        new Span<float>(totals, rows).Clear();
        new Span<float>(sums, rows * sumLength).Clear();
    }

    /// <summary>Turns a block of scores into 2^(score − largest so far), and scales what was summed before to the same maximum.</summary>
    /// <param name="row">The row.</param>
    /// <param name="scores">[count].</param>
    /// <param name="count">Keys of the block.</param>
    /// <param name="visible">Keys that count; the others get zeros. May lie outside the block.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Add(int row, float* scores, int count, int visible)
    {
        visible = Math.Clamp(visible, 0, count);
        new Span<float>(scores + visible, count - visible).Clear();
        if (visible == 0)
            return;
        float before = largest[row];
        float now = MathF.Max(before, RowMath<TVector>.Largest(scores, visible));
        if (now > before)
        {
            float factor = float.Exp2(before - now);
            largest[row] = now;
            totals[row] *= factor;
            RowMath<TVector>.Scale(sums + ((long)row * sumLength), factor, sumLength);
        }
        totals[row] += RowMath<TVector>.PowersOfTwo(scores, now, visible);
    }

    /// <summary>target = weighted values / sum of their weights.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Finish(int row, float* target, int columns)
    {
        new ReadOnlySpan<float>(sums + ((long)row * sumLength), columns).CopyTo(new Span<float>(target, columns));
        RowMath<TVector>.Scale(target, 1f / totals[row], columns);
    }
}
