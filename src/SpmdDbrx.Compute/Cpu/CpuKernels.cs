namespace SpmdDbrx.Compute.Cpu;

/// <summary>The operations of <see cref="CpuDevice"/> on checked arguments; one implementation, specialised for each register width.</summary>
internal abstract class CpuKernels : IDisposable
{
    /// <summary>Kernels on registers of one width.</summary>
    /// <param name="team">Who computes.</param>
    /// <param name="tiles">How bfloat16 weights meet many tokens.</param>
    public static CpuKernels Create<TVector>(ThreadTeam team, PrefillTiles tiles)
        where TVector : unmanaged, IFloatVector<TVector> => tiles switch
        {
            PrefillTiles.Float => new CpuKernels<TVector, FloatTiles<TVector, BFloat16Element>>(team),
            PrefillTiles.RoundedFloat => new CpuKernels<TVector, RoundedFloatTiles<TVector>>(team),
            PrefillTiles.BFloat16 => new CpuKernels<TVector, BFloat16Tiles<TVector, ProcessorKernels>>(team),
            PrefillTiles.PortableBFloat16 => new CpuKernels<TVector, BFloat16Tiles<TVector, PortableKernels>>(team),
            _ => throw new ArgumentOutOfRangeException(nameof(tiles), tiles, null),
        };

    public abstract void Embed(ElementType type, WeightPointer table, ReadOnlySpan<int> tokens, RowPointer output);

    public abstract void LayerNorm(RowPointer input, ElementType type, WeightPointer weight, float epsilon, RowPointer output);

    public abstract void Multiply(RowPointer input, ElementType type, WeightPointer weight, RowPointer output);

    public abstract void RotateAndStore(RowPointer qkv, AttentionShape shape, RotaryTable rotary, KvCache cache, int layer, int position);

    public abstract void Attend(RowPointer qkv, AttentionShape shape, KvCache cache, int layer, int position, RowPointer output);

    public abstract void RunExperts(ReadOnlySpan<ExpertWeights> experts, ExpertAssignments assignments, RowPointer input, RowPointer output);

    public abstract void Add(RowPointer target, RowPointer addend);

    public abstract void SumGroups(RowPointer input, int groupSize, RowPointer output);

    /// <summary>Reads all bytes; returns a number above 0 if one of them is not 0.</summary>
    public abstract unsafe float Touch(byte* first, long byteLength);

    /// <summary>Keeps all threads busy with nothing but multiply-adds; returns the floating-point operations done.</summary>
    public abstract double RunMultiplyAdds();

    public abstract void Dispose();
}
