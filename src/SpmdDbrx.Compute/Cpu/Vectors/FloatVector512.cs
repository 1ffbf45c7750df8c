using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>16 lanes: AVX-512.</summary>
internal unsafe struct FloatVector512 : IFloatVector<FloatVector512>
{
    private const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;

    private Vector512<float> lanes;

    [MethodImpl(Inline)]
    private FloatVector512(Vector512<float> lanes) => this.lanes = lanes;

    public static int Count => 16;

    public static FloatVector512 Zero
    {
        [MethodImpl(Inline)]
        get => new(Vector512<float>.Zero);
    }

    [MethodImpl(Inline)]
    public static FloatVector512 Broadcast(float value) => new(Vector512.Create(value));

    [MethodImpl(Inline)]
    public static FloatVector512 BroadcastBits(uint bits) => new(Vector512.Create(bits).AsSingle());

    [MethodImpl(Inline)]
    public static FloatVector512 Load(float* source) => new(Vector512.Load(source));

    [MethodImpl(Inline)]
    public static FloatVector512 LoadLowHalves(ushort* source) => new(Vector512.WidenLower(Vector256.Load(source).ToVector512()).AsSingle());

    [MethodImpl(Inline)]
    public readonly void Store(float* target) => lanes.Store(target);

    [MethodImpl(Inline)]
    public static FloatVector512 operator +(FloatVector512 left, FloatVector512 right) => new(left.lanes + right.lanes);

    [MethodImpl(Inline)]
    public static FloatVector512 operator -(FloatVector512 left, FloatVector512 right) => new(left.lanes - right.lanes);

    [MethodImpl(Inline)]
    public static FloatVector512 operator *(FloatVector512 left, FloatVector512 right) => new(left.lanes * right.lanes);

    [MethodImpl(Inline)]
    public static FloatVector512 operator /(FloatVector512 left, FloatVector512 right) => new(left.lanes / right.lanes);

    [MethodImpl(Inline)]
    public static FloatVector512 operator &(FloatVector512 left, FloatVector512 right) => new(left.lanes & right.lanes);

    [MethodImpl(Inline)]
    public static FloatVector512 operator |(FloatVector512 left, FloatVector512 right) => new(left.lanes | right.lanes);

    [MethodImpl(Inline)]
    public static FloatVector512 MultiplyAdd(FloatVector512 left, FloatVector512 right, FloatVector512 addend) =>
        new(Vector512.MultiplyAddEstimate(left.lanes, right.lanes, addend.lanes));

    [MethodImpl(Inline)]
    public static FloatVector512 MultiplyAdd(FloatVector512 left, FloatVector512 right, float* addend) =>
        new(Vector512.MultiplyAddEstimate(left.lanes, right.lanes, Vector512.Load(addend)));

    [MethodImpl(Inline)]
    public void AddProduct(FloatVector512 left, FloatVector512 right) => lanes = Vector512.MultiplyAddEstimate(left.lanes, right.lanes, lanes);

    [MethodImpl(Inline)]
    public void AddProduct(FloatVector512 left, float* right) => lanes = Vector512.MultiplyAddEstimate(left.lanes, Vector512.Load(right), lanes);

    [MethodImpl(Inline)]
    public static FloatVector512 Max(FloatVector512 left, FloatVector512 right) => new(Vector512.MaxNative(left.lanes, right.lanes));

    [MethodImpl(Inline)]
    public static FloatVector512 Min(FloatVector512 left, FloatVector512 right) => new(Vector512.MinNative(left.lanes, right.lanes));

    [MethodImpl(Inline)]
    public static FloatVector512 GreaterOrEqualBits(FloatVector512 left, FloatVector512 right) =>
        new(Vector512.GreaterThanOrEqual(left.lanes.AsInt32(), right.lanes.AsInt32()).AsSingle());

    [MethodImpl(Inline)]
    public static FloatVector512 ShiftLeft(FloatVector512 value, int count) => new((value.lanes.AsUInt32() << count).AsSingle());

    [MethodImpl(Inline)]
    public static FloatVector512 ShiftRight(FloatVector512 value, int count) => new((value.lanes.AsUInt32() >>> count).AsSingle());

    [MethodImpl(Inline)]
    public static void Interleave(FloatVector512 evens, FloatVector512 odds, out FloatVector512 first, out FloatVector512 second)
    {
        Vector512<uint> even = evens.lanes.AsUInt32(), odd = odds.lanes.AsUInt32();
        first = new((Vector512.WidenLower(even) | (Vector512.WidenLower(odd) << 32)).AsSingle());
        second = new((Vector512.WidenUpper(even) | (Vector512.WidenUpper(odd) << 32)).AsSingle());
    }

    [MethodImpl(Inline)]
    public static void Deinterleave(FloatVector512 first, FloatVector512 second, out FloatVector512 evens, out FloatVector512 odds)
    {
        Vector512<ulong> lower = first.lanes.AsUInt64(), upper = second.lanes.AsUInt64();
        evens = new(Vector512.Narrow(lower, upper).AsSingle());
        odds = new(Vector512.Narrow(lower >>> 32, upper >>> 32).AsSingle());
    }

    [MethodImpl(Inline)]
    public static float Sum(FloatVector512 value) => Vector512.Sum(value.lanes);

    [MethodImpl(Inline)]
    public static void Sums(FloatVector512 value0, FloatVector512 value1, FloatVector512 value2, FloatVector512 value3, float* sums) =>
        Reduction.Sums(Fold(value0), Fold(value1), Fold(value2), Fold(value3)).Store(sums);

    [MethodImpl(Inline)]
    public static float Largest(FloatVector512 value)
    {
        Vector256<float> half = Vector256.MaxNative(value.lanes.GetLower(), value.lanes.GetUpper());
        return Reduction.Largest(Vector128.MaxNative(half.GetLower(), half.GetUpper()));
    }

    /// <summary>Adds the quarters.</summary>
    [MethodImpl(Inline)]
    private static Vector128<float> Fold(FloatVector512 value)
    {
        Vector256<float> half = value.lanes.GetLower() + value.lanes.GetUpper();
        return half.GetLower() + half.GetUpper();
    }
}
