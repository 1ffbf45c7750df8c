using SpmdDbrx.Compute.Cpu;
using Xunit;

namespace SpmdDbrx.Tests.Compute.Cpu;

public unsafe class VectorMathTests
{
    [Fact]
    public void Exp_WholeRange_IsWithinTwoUnitsInTheLastPlace()
    {
        CheckExp<FloatVector128>();
        CheckExp<FloatVector256>();
        CheckExp<FloatVector512>();
    }

    [Fact]
    public void Exp_SpecialValues_AreRight()
    {
        Assert.Equal(0f, Exp<FloatVector256>(float.NegativeInfinity));
        Assert.Equal(0f, Exp<FloatVector256>(-200));
        Assert.Equal(1f, Exp<FloatVector256>(0));
        Assert.Equal(1f, Exp<FloatVector256>(-0f));
        Assert.Equal(float.PositiveInfinity, Exp<FloatVector256>(100));
        Assert.Equal(float.PositiveInfinity, Exp<FloatVector256>(float.PositiveInfinity));
        Assert.Equal(float.NaN, Exp<FloatVector256>(float.NaN));
    }

    [Fact]
    public void Exp2OfWeight_ItsRange_IsWithinTwoUnitsInTheLastPlace()
    {
        CheckExp2OfWeight<FloatVector128>();
        CheckExp2OfWeight<FloatVector256>();
        CheckExp2OfWeight<FloatVector512>();
    }

    [Fact]
    public void Largest_EveryLane_IsFound()
    {
        CheckLargest<FloatVector128>();
        CheckLargest<FloatVector256>();
        CheckLargest<FloatVector512>();
    }

    [Fact]
    public void Silu_WholeRange_MatchesItsDefinition()
    {
        float* lanes = stackalloc float[FloatVector256.Count];
        for (float x = -110; x < 110; x += 0.0371f)
        {
            VectorMath.Silu(FloatVector256.Broadcast(x)).Store(lanes);
            // Below −88.7 float32's e^−x is infinite and the result −0 instead of some −2e-37.
            Assert.Equal(x / (1 + Math.Exp(-x)), lanes[0], Math.Max(1e-36, Math.Abs(lanes[0]) * 4e-7));
        }
    }

    private static void CheckExp<TVector>() where TVector : unmanaged, IFloatVector<TVector>
    {
        for (float x = -103.9f; x < 88.7f; x += 0.00137f)
        {
            double expected = Math.Exp(x);
            // A unit in the last place is 2^-23 of a normal result and 2^-149 of a subnormal one.
            double unit = Math.Max(Math.Pow(2, Math.Floor(Math.Log2(expected)) - 23), Math.Pow(2, -149));
            Assert.InRange(Math.Abs(Exp<TVector>(x) - expected) / unit, 0, 2);
        }
    }

    private static float Exp<TVector>(float x) where TVector : unmanaged, IFloatVector<TVector>
    {
        float* lanes = stackalloc float[TVector.Count];
        VectorMath.Exp(TVector.Broadcast(x)).Store(lanes);
        Assert.Equal(lanes[0], lanes[TVector.Count - 1]);
        return lanes[0];
    }

    private static void CheckExp2OfWeight<TVector>() where TVector : unmanaged, IFloatVector<TVector>
    {
        for (float x = -126; x <= 127; x += 0.00137f)
        {
            double expected = Math.Pow(2, x);
            Assert.InRange(Math.Abs(Exp2OfWeight<TVector>(x) - expected) / Math.Pow(2, Math.Floor(Math.Log2(expected)) - 23), 0, 2);
        }
        Assert.Equal(1f, Exp2OfWeight<TVector>(0));
        Assert.InRange(Exp2OfWeight<TVector>(-1000), 0, 1.2e-38f);
        Assert.InRange(Exp2OfWeight<TVector>(float.NegativeInfinity), 0, 1.2e-38f);
        Assert.Equal(float.NaN, Exp2OfWeight<TVector>(float.NaN));
    }

    private static float Exp2OfWeight<TVector>(float x) where TVector : unmanaged, IFloatVector<TVector>
    {
        float* lanes = stackalloc float[TVector.Count];
        VectorMath.Exp2OfWeight(TVector.Broadcast(x)).Store(lanes);
        return lanes[0];
    }

    private static void CheckLargest<TVector>() where TVector : unmanaged, IFloatVector<TVector>
    {
        float* lanes = stackalloc float[TVector.Count];
        for (int lane = 0; lane < TVector.Count; lane++)
        {
            new Span<float>(lanes, TVector.Count).Fill(-3);
            lanes[lane] = -2;
            Assert.Equal(-2f, TVector.Largest(TVector.Load(lanes)));
        }
    }
}
