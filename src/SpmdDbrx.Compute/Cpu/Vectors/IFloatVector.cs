namespace SpmdDbrx.Compute.Cpu;

/// <summary>A register of float32 lanes. Kernels are written once over it and specialised by the JIT for 128, 256 and 512 bits.</summary>
internal unsafe interface IFloatVector<TSelf> where TSelf : unmanaged, IFloatVector<TSelf>
{
    /// <summary>Lanes.</summary>
    static abstract int Count { get; }

    static abstract TSelf Zero { get; }

    /// <summary>The same value in every lane.</summary>
    static abstract TSelf Broadcast(float value);

    /// <summary>The same bit pattern in every lane.</summary>
    static abstract TSelf BroadcastBits(uint bits);

    /// <summary>Reads <see cref="Count"/> values; no alignment needed.</summary>
    static abstract TSelf Load(float* source);

    /// <summary>Reads <see cref="Count"/> 16-bit values into the low halves of the lanes, zeros above.</summary>
    static abstract TSelf LoadLowHalves(ushort* source);

    /// <summary>Writes <see cref="Count"/> values; no alignment needed.</summary>
    void Store(float* target);

    static abstract TSelf operator +(TSelf left, TSelf right);

    static abstract TSelf operator -(TSelf left, TSelf right);

    static abstract TSelf operator *(TSelf left, TSelf right);

    static abstract TSelf operator /(TSelf left, TSelf right);

    static abstract TSelf operator &(TSelf left, TSelf right);

    static abstract TSelf operator |(TSelf left, TSelf right);

    /// <summary>left · right + addend, fused where the processor can.</summary>
    static abstract TSelf MultiplyAdd(TSelf left, TSelf right, TSelf addend);

    /// <summary>The same with an addend in memory, which the instruction itself reads where it can (x86 with fused ones).</summary>
    static abstract TSelf MultiplyAdd(TSelf left, TSelf right, float* addend);

    /// <summary>this += left · right, fused where the processor can; in place, so that a sum keeps its register.</summary>
    void AddProduct(TSelf left, TSelf right);

    /// <summary>The same with a factor in memory, which the instruction itself reads where it can (x86 with fused ones).</summary>
    void AddProduct(TSelf left, float* right);

    /// <summary>The larger lane; NaN where the right one is NaN.</summary>
    static abstract TSelf Max(TSelf left, TSelf right);

    /// <summary>The smaller lane; NaN where the right one is NaN.</summary>
    static abstract TSelf Min(TSelf left, TSelf right);

    /// <summary>All bits set in lanes where left ≥ right as signed integers, none elsewhere.</summary>
    static abstract TSelf GreaterOrEqualBits(TSelf left, TSelf right);

    /// <summary>Lane bits moved towards the sign.</summary>
    static abstract TSelf ShiftLeft(TSelf value, int count);

    /// <summary>Lane bits moved away from the sign, zeros moved in.</summary>
    static abstract TSelf ShiftRight(TSelf value, int count);

    /// <summary>Two registers in which the lanes of the given two take turns.</summary>
    static abstract void Interleave(TSelf evens, TSelf odds, out TSelf first, out TSelf second);

    /// <summary>The lanes of two registers with even numbers, and those with odd ones.</summary>
    static abstract void Deinterleave(TSelf first, TSelf second, out TSelf evens, out TSelf odds);

    /// <summary>Sum of all lanes, always in the same order.</summary>
    static abstract float Sum(TSelf value);

    /// <summary>sums[i] = sum of all lanes of the i-th, always in the same order.</summary>
    static abstract void Sums(TSelf value0, TSelf value1, TSelf value2, TSelf value3, float* sums);

    /// <summary>Largest lane.</summary>
    static abstract float Largest(TSelf value);
}
