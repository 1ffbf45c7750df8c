using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>4 lanes: SSE or Arm NEON.</summary>
internal unsafe struct FloatVector128 : IFloatVector<FloatVector128>
{
    private const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;

    private Vector128<float> lanes;

    [MethodImpl(Inline)]
    private FloatVector128(Vector128<float> lanes) => this.lanes = lanes;

    public static int Count => 4;

    public static FloatVector128 Zero
    {
        [MethodImpl(Inline)]
        get => new(Vector128<float>.Zero);
    }

    [MethodImpl(Inline)]
    public static FloatVector128 Broadcast(float value) => new(Vector128.Create(value));

    [MethodImpl(Inline)]
    public static FloatVector128 BroadcastBits(uint bits) => new(Vector128.Create(bits).AsSingle());

    [MethodImpl(Inline)]
    public static FloatVector128 Load(float* source) => new(Vector128.Load(source));

    [MethodImpl(Inline)]
    public static FloatVector128 LoadLowHalves(ushort* source) => new(Vector128.WidenLower(Vector64.Load(source).ToVector128()).AsSingle());

    [MethodImpl(Inline)]
    public readonly void Store(float* target) => lanes.Store(target);

    [MethodImpl(Inline)]
    public static FloatVector128 operator +(FloatVector128 left, FloatVector128 right) => new(left.lanes + right.lanes);

    [MethodImpl(Inline)]
    public static FloatVector128 operator -(FloatVector128 left, FloatVector128 right) => new(left.lanes - right.lanes);

    [MethodImpl(Inline)]
    public static FloatVector128 operator *(FloatVector128 left, FloatVector128 right) => new(left.lanes * right.lanes);

    [MethodImpl(Inline)]
    public static FloatVector128 operator /(FloatVector128 left, FloatVector128 right) => new(left.lanes / right.lanes);

    [MethodImpl(Inline)]
    public static FloatVector128 operator &(FloatVector128 left, FloatVector128 right) => new(left.lanes & right.lanes);

    [MethodImpl(Inline)]
    public static FloatVector128 operator |(FloatVector128 left, FloatVector128 right) => new(left.lanes | right.lanes);

    [MethodImpl(Inline)]
    public static FloatVector128 MultiplyAdd(FloatVector128 left, FloatVector128 right, FloatVector128 addend) =>
        new(Vector128.MultiplyAddEstimate(left.lanes, right.lanes, addend.lanes));

    [MethodImpl(Inline)]
    public static FloatVector128 MultiplyAdd(FloatVector128 left, FloatVector128 right, float* addend) =>
        new(Vector128.MultiplyAddEstimate(left.lanes, right.lanes, Vector128.Load(addend)));

    [MethodImpl(Inline)]
    public void AddProduct(FloatVector128 left, FloatVector128 right) => lanes = Vector128.MultiplyAddEstimate(left.lanes, right.lanes, lanes);

    [MethodImpl(Inline)]
    public void AddProduct(FloatVector128 left, float* right) => lanes = Vector128.MultiplyAddEstimate(left.lanes, Vector128.Load(right), lanes);

    [MethodImpl(Inline)]
    public static FloatVector128 Max(FloatVector128 left, FloatVector128 right) => new(Vector128.MaxNative(left.lanes, right.lanes));

    [MethodImpl(Inline)]
    public static FloatVector128 Min(FloatVector128 left, FloatVector128 right) => new(Vector128.MinNative(left.lanes, right.lanes));

    [MethodImpl(Inline)]
    public static FloatVector128 GreaterOrEqualBits(FloatVector128 left, FloatVector128 right) =>
        new(Vector128.GreaterThanOrEqual(left.lanes.AsInt32(), right.lanes.AsInt32()).AsSingle());

    [MethodImpl(Inline)]
    public static FloatVector128 ShiftLeft(FloatVector128 value, int count) => new((value.lanes.AsUInt32() << count).AsSingle());

    [MethodImpl(Inline)]
    public static FloatVector128 ShiftRight(FloatVector128 value, int count) => new((value.lanes.AsUInt32() >>> count).AsSingle());

    [MethodImpl(Inline)]
    public static void Interleave(FloatVector128 evens, FloatVector128 odds, out FloatVector128 first, out FloatVector128 second)
    {
        Vector128<uint> even = evens.lanes.AsUInt32(), odd = odds.lanes.AsUInt32();
        first = new((Vector128.WidenLower(even) | (Vector128.WidenLower(odd) << 32)).AsSingle());
        second = new((Vector128.WidenUpper(even) | (Vector128.WidenUpper(odd) << 32)).AsSingle());
    }

    [MethodImpl(Inline)]
    public static void Deinterleave(FloatVector128 first, FloatVector128 second, out FloatVector128 evens, out FloatVector128 odds)
    {
        Vector128<ulong> lower = first.lanes.AsUInt64(), upper = second.lanes.AsUInt64();
        evens = new(Vector128.Narrow(lower, upper).AsSingle());
        odds = new(Vector128.Narrow(lower >>> 32, upper >>> 32).AsSingle());
    }

    [MethodImpl(Inline)]
    public static float Sum(FloatVector128 value) => Vector128.Sum(value.lanes);

    [MethodImpl(Inline)]
    public static void Sums(FloatVector128 value0, FloatVector128 value1, FloatVector128 value2, FloatVector128 value3, float* sums) =>
        Reduction.Sums(value0.lanes, value1.lanes, value2.lanes, value3.lanes).Store(sums);

    [MethodImpl(Inline)]
    public static float Largest(FloatVector128 value) => Reduction.Largest(value.lanes);
}
