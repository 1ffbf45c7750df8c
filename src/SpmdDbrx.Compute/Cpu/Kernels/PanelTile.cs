using System.Runtime.CompilerServices;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>Sums of a few rows, broadcast, times panels of one register's width, kept in registers: 12 sums, or fewer for two panels of four rows and for single ones.</summary>
/// <remarks>In caches of keys and values each panel is a stream through memory of its own, read from front to back. Each line is asked for
/// ahead of its use, where TPrefetch says so: once, but for the last steps that make up no four.
/// For all: c[row · cRow + panel · cDistance + lane] = start + Σ_k a[row · aRow + k · aStep] · b[panel · bDistance + k · bStep + lane],
/// with steps of 1 and Count where a method takes none, and with what TStart makes of c as the start, c itself where there is no TStart.</remarks>
internal static unsafe class PanelTile<TVector> where TVector : unmanaged, IFloatVector<TVector>
{
    private const int LineFloats = 16;

    /// <summary>Six rows, two panels.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void SixByTwo<TPrefetch, TStart>(
        float* a, nint aRow, nint aStep, float* b, nint bDistance, nint bStep, int depth, float* c, nint cRow, nint cDistance)
        where TPrefetch : struct, IPrefetch
        where TStart : struct, ISumStart
    {
        float* c3 = c + (3 * cRow);
        TVector first0 = TStart.Of<TVector>(c), second0 = TStart.Of<TVector>(c + cDistance);
        TVector first1 = TStart.Of<TVector>(c + cRow), second1 = TStart.Of<TVector>(c + cRow + cDistance);
        TVector first2 = TStart.Of<TVector>(c + (2 * cRow)), second2 = TStart.Of<TVector>(c + (2 * cRow) + cDistance);
        TVector first3 = TStart.Of<TVector>(c3), second3 = TStart.Of<TVector>(c3 + cDistance);
        TVector first4 = TStart.Of<TVector>(c3 + cRow), second4 = TStart.Of<TVector>(c3 + cRow + cDistance);
        TVector first5 = TStart.Of<TVector>(c3 + (2 * cRow)), second5 = TStart.Of<TVector>(c3 + (2 * cRow) + cDistance);
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
    public static void FourByThree<TPrefetch, TStart>(float* a, nint aRow, float* b, nint bDistance, int depth, float* c, nint cRow, nint cDistance)
        where TPrefetch : struct, IPrefetch
        where TStart : struct, ISumStart
    {
        float* c2 = c + (2 * cRow);
        nint cTwo = 2 * cDistance;
        TVector first0 = TStart.Of<TVector>(c), second0 = TStart.Of<TVector>(c + cDistance), third0 = TStart.Of<TVector>(c + cTwo);
        TVector first1 = TStart.Of<TVector>(c + cRow), second1 = TStart.Of<TVector>(c + cRow + cDistance), third1 = TStart.Of<TVector>(c + cRow + cTwo);
        TVector first2 = TStart.Of<TVector>(c2), second2 = TStart.Of<TVector>(c2 + cDistance), third2 = TStart.Of<TVector>(c2 + cTwo);
        TVector first3 = TStart.Of<TVector>(c2 + cRow), second3 = TStart.Of<TVector>(c2 + cRow + cDistance), third3 = TStart.Of<TVector>(c2 + cRow + cTwo);
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
    public static void FourByTwo<TPrefetch, TStart>(float* a, nint aRow, float* b, nint bDistance, int depth, float* c, nint cRow, nint cDistance)
        where TPrefetch : struct, IPrefetch
        where TStart : struct, ISumStart
    {
        float* a2 = a + (2 * aRow);
        float* c2 = c + (2 * cRow);
        float* other = b + bDistance;
        RowSums row0 = RowSums.Begin<TPrefetch, TStart>(0, b, other, c, cDistance);
        RowSums row1 = RowSums.Begin<TPrefetch, TStart>(1, b, other, c + cRow, cDistance);
        RowSums row2 = RowSums.Begin<TPrefetch, TStart>(2, b, other, c2, cDistance);
        RowSums row3 = RowSums.Begin<TPrefetch, TStart>(3, b, other, c2 + cRow, cDistance);
        for (; depth >= 4; depth -= 4)
        {
            AddStep<TPrefetch>(0, a, a2, aRow, ref row0, ref row1, ref row2, ref row3);
            AddStep<TPrefetch>(1, a, a2, aRow, ref row0, ref row1, ref row2, ref row3);
            AddStep<TPrefetch>(2, a, a2, aRow, ref row0, ref row1, ref row2, ref row3);
            AddStep<TPrefetch>(3, a, a2, aRow, ref row0, ref row1, ref row2, ref row3);
            Advance(4, ref a, ref a2, ref row0, ref row1, ref row2, ref row3);
        }
        for (; depth > 0; depth--)
        {
            AddStep<TPrefetch>(0, a, a2, aRow, ref row0, ref row1, ref row2, ref row3);
            Advance(1, ref a, ref a2, ref row0, ref row1, ref row2, ref row3);
        }
        row0.Store(c, cDistance);
        row1.Store(c + cRow, cDistance);
        row2.Store(c2, cDistance);
        row3.Store(c2 + cRow, cDistance);
    }

    /// <summary>One step of <see cref="FourByTwo"/>, whose number behind the pointers is a constant, so that it becomes part of the instructions.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddStep<TPrefetch>(
        int step, float* a, float* a2, nint aRow, ref RowSums row0, ref RowSums row1, ref RowSums row2, ref RowSums row3)
        where TPrefetch : struct, IPrefetch
    {
        row0.Add<TPrefetch>(0, step, TVector.Broadcast(a[step]));
        row1.Add<TPrefetch>(1, step, TVector.Broadcast((a + aRow)[step]));
        row2.Add<TPrefetch>(2, step, TVector.Broadcast(a2[step]));
        row3.Add<TPrefetch>(3, step, TVector.Broadcast((a2 + aRow)[step]));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Advance(
        int steps, ref float* a, ref float* a2, ref RowSums row0, ref RowSums row1, ref RowSums row2, ref RowSums row3)
    {
        a += steps;
        a2 += steps;
        row0.Advance(steps);
        row1.Advance(steps);
        row2.Advance(steps);
        row3.Advance(steps);
    }

    /// <summary>Whether a step is the one of those in a cache line that asks for lines ahead, by its number from the beginning or to the end.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool StartsLine(int number) => TVector.Count >= LineFloats || number % (LineFloats / TVector.Count) == 0;

    /// <summary>Sums of one row of a tile over two panels. The row's number is the same constant in all calls.</summary>
    /// <remarks>On x86 a step takes four instructions less than with common pointers. Through those, the JIT would load every line into a register
    /// first; so multiplications read it themselves, the first from memory and the others from the nearest cache, where it costs nothing beside a stream from
    /// memory. And a row's pointers stand at the lines that it asks for, in the step of its own number where that begins lines: no address has to be computed.</remarks>
    private struct RowSums
    {
        /// <summary><see cref="Lead"/> behind what step 0 reads, in one panel and in the other.</summary>
        private byte* ahead;
        private byte* otherAhead;
        private TVector first;
        private TVector second;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static RowSums Begin<TPrefetch, TStart>(int row, float* b, float* other, float* c, nint cDistance)
            where TPrefetch : struct, IPrefetch
            where TStart : struct, ISumStart
        {
            return new RowSums
            {
                ahead = (byte*)b + Lead<TPrefetch>(row),
                otherAhead = (byte*)other + Lead<TPrefetch>(row),
                first = TStart.Of<TVector>(c),
                second = TStart.Of<TVector>(c + cDistance),
            };
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Add<TPrefetch>(int row, int step, TVector factor) where TPrefetch : struct, IPrefetch
        {
            if (step == row && StartsLine(step))
            {
                TPrefetch.Line(ahead);
                TPrefetch.Line(otherAhead);
            }
            int offset = (step * sizeof(TVector)) - Lead<TPrefetch>(row);
            first.AddProduct(factor, (float*)(ahead + offset));
            second.AddProduct(factor, (float*)(otherAhead + offset));
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Advance(int steps)
        {
            ahead += steps * sizeof(TVector);
            otherAhead += steps * sizeof(TVector);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void Store(float* c, nint cDistance)
        {
            first.Store(c);
            second.Store(c + cDistance);
        }

        /// <summary>Bytes from what a row reads in step 0 to what it asks for.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static int Lead<TPrefetch>(int row) where TPrefetch : struct, IPrefetch => TPrefetch.Distance + (row * sizeof(TVector));
    }
}
