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

    /// <summary>Floats that several devices which run an expert together write for each other.</summary>
    public abstract long SharedFloats(in ExpertWeights expert);

    public abstract void Embed(ElementType type, WeightPointer table, ReadOnlySpan<int> tokens, RowPointer output);

    public abstract void LayerNorm(RowPointer input, ElementType type, WeightPointer weight, float epsilon, RowPointer output);

    /// <param name="shared">Devices that multiply together; null = this one alone.</param>
    /// <param name="input">[tokens, in].</param>
    /// <param name="type">Of the weights.</param>
    /// <param name="weight">[out, in].</param>
    /// <param name="output">[tokens, out].</param>
    public abstract void Multiply(SharedTeam? shared, RowPointer input, ElementType type, WeightPointer weight, RowPointer output);

    public abstract void RotateAndStore(RowPointer qkv, AttentionShape shape, RotaryTable rotary, KvCache cache, int layer, int position);

    /// <summary>Floats of attention that devices write for each other.</summary>
    public abstract long SharedAttentionFloats(AttentionShape shape, int tokens, int capacity);

    /// <param name="shared">Devices that attend together; null = this one alone.</param>
    /// <param name="qkv">[tokens, QkvDim].</param>
    /// <param name="shape">Heads.</param>
    /// <param name="cache">Keys and values.</param>
    /// <param name="layer">Layer in the cache.</param>
    /// <param name="position">Position of the first token.</param>
    /// <param name="output">[tokens, QueryDim].</param>
    public abstract void Attend(SharedTeam? shared, RowPointer qkv, AttentionShape shape, KvCache cache, int layer, int position, RowPointer output);

    /// <param name="shared">Devices that run them together; null = this one alone.</param>
    /// <param name="experts">The experts of the layer.</param>
    /// <param name="assignments">Who computes what.</param>
    /// <param name="input">[tokens, D].</param>
    /// <param name="output">[output rows, D].</param>
    public abstract void RunExperts(SharedTeam? shared, ReadOnlySpan<ExpertWeights> experts, ExpertAssignments assignments, RowPointer input, RowPointer output);

    public abstract void Add(RowPointer target, RowPointer addend);

    public abstract void SumGroups(RowPointer input, int groupSize, RowPointer output);

    /// <summary>Reads all bytes; returns a number above 0 if one of them is not 0.</summary>
    public abstract unsafe float Touch(byte* first, long byteLength);

    /// <summary>Keeps all threads busy with nothing but multiply-adds; returns the floating-point operations done.</summary>
    public abstract double RunMultiplyAdds();

    public abstract void Dispose();
}
