using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>8 lanes: AVX2 with FMA.</summary>
internal unsafe struct FloatVector256 : IFloatVector<FloatVector256>
{
    private const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;

    private Vector256<float> lanes;

    [MethodImpl(Inline)]
    private FloatVector256(Vector256<float> lanes) => this.lanes = lanes;

    public static int Count => 8;

    public static FloatVector256 Zero
    {
        [MethodImpl(Inline)]
        get => new(Vector256<float>.Zero);
    }

    [MethodImpl(Inline)]
    public static FloatVector256 Broadcast(float value) => new(Vector256.Create(value));

    [MethodImpl(Inline)]
    public static FloatVector256 BroadcastBits(uint bits) => new(Vector256.Create(bits).AsSingle());

    [MethodImpl(Inline)]
    public static FloatVector256 Load(float* source) => new(Vector256.Load(source));

    [MethodImpl(Inline)]
    public static FloatVector256 LoadLowHalves(ushort* source) => new(Vector256.WidenLower(Vector128.Load(source).ToVector256()).AsSingle());

    [MethodImpl(Inline)]
    public readonly void Store(float* target) => lanes.Store(target);

    [MethodImpl(Inline)]
    public static FloatVector256 operator +(FloatVector256 left, FloatVector256 right) => new(left.lanes + right.lanes);

    [MethodImpl(Inline)]
    public static FloatVector256 operator -(FloatVector256 left, FloatVector256 right) => new(left.lanes - right.lanes);

    [MethodImpl(Inline)]
    public static FloatVector256 operator *(FloatVector256 left, FloatVector256 right) => new(left.lanes * right.lanes);

    [MethodImpl(Inline)]
    public static FloatVector256 operator /(FloatVector256 left, FloatVector256 right) => new(left.lanes / right.lanes);

    [MethodImpl(Inline)]
    public static FloatVector256 operator &(FloatVector256 left, FloatVector256 right) => new(left.lanes & right.lanes);

    [MethodImpl(Inline)]
    public static FloatVector256 operator |(FloatVector256 left, FloatVector256 right) => new(left.lanes | right.lanes);

    [MethodImpl(Inline)]
    public static FloatVector256 MultiplyAdd(FloatVector256 left, FloatVector256 right, FloatVector256 addend) =>
        new(Vector256.MultiplyAddEstimate(left.lanes, right.lanes, addend.lanes));

    [MethodImpl(Inline)]
    public static FloatVector256 MultiplyAdd(FloatVector256 left, FloatVector256 right, float* addend) =>
        new(Vector256.MultiplyAddEstimate(left.lanes, right.lanes, Vector256.Load(addend)));

    [MethodImpl(Inline)]
    public void AddProduct(FloatVector256 left, FloatVector256 right) => lanes = Vector256.MultiplyAddEstimate(left.lanes, right.lanes, lanes);

    [MethodImpl(Inline)]
    public void AddProduct(FloatVector256 left, float* right) => lanes = Vector256.MultiplyAddEstimate(left.lanes, Vector256.Load(right), lanes);

    [MethodImpl(Inline)]
    public static FloatVector256 Max(FloatVector256 left, FloatVector256 right) => new(Vector256.MaxNative(left.lanes, right.lanes));

    [MethodImpl(Inline)]
    public static FloatVector256 Min(FloatVector256 left, FloatVector256 right) => new(Vector256.MinNative(left.lanes, right.lanes));

    [MethodImpl(Inline)]
    public static FloatVector256 GreaterOrEqualBits(FloatVector256 left, FloatVector256 right) =>
        new(Vector256.GreaterThanOrEqual(left.lanes.AsInt32(), right.lanes.AsInt32()).AsSingle());

    [MethodImpl(Inline)]
    public static FloatVector256 ShiftLeft(FloatVector256 value, int count) => new((value.lanes.AsUInt32() << count).AsSingle());

    [MethodImpl(Inline)]
    public static FloatVector256 ShiftRight(FloatVector256 value, int count) => new((value.lanes.AsUInt32() >>> count).AsSingle());

    [MethodImpl(Inline)]
    public static void Interleave(FloatVector256 evens, FloatVector256 odds, out FloatVector256 first, out FloatVector256 second)
    {
        Vector256<uint> even = evens.lanes.AsUInt32(), odd = odds.lanes.AsUInt32();
        first = new((Vector256.WidenLower(even) | (Vector256.WidenLower(odd) << 32)).AsSingle());
        second = new((Vector256.WidenUpper(even) | (Vector256.WidenUpper(odd) << 32)).AsSingle());
    }

    [MethodImpl(Inline)]
    public static void Deinterleave(FloatVector256 first, FloatVector256 second, out FloatVector256 evens, out FloatVector256 odds)
    {
        Vector256<ulong> lower = first.lanes.AsUInt64(), upper = second.lanes.AsUInt64();
        evens = new(Vector256.Narrow(lower, upper).AsSingle());
        odds = new(Vector256.Narrow(lower >>> 32, upper >>> 32).AsSingle());
    }

    [MethodImpl(Inline)]
    public static float Sum(FloatVector256 value) => Vector256.Sum(value.lanes);

    [MethodImpl(Inline)]
    public static void Sums(FloatVector256 value0, FloatVector256 value1, FloatVector256 value2, FloatVector256 value3, float* sums) =>
        Reduction.Sums(Fold(value0), Fold(value1), Fold(value2), Fold(value3)).Store(sums);

    [MethodImpl(Inline)]
    public static float Largest(FloatVector256 value) => Reduction.Largest(Vector128.MaxNative(value.lanes.GetLower(), value.lanes.GetUpper()));

    /// <summary>Adds the halves.</summary>
    [MethodImpl(Inline)]
    private static Vector128<float> Fold(FloatVector256 value) => value.lanes.GetLower() + value.lanes.GetUpper();
}
