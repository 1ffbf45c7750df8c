namespace SpmdDbrx.Compute.Cpu;

/// <summary><see cref="CpuKernels"/> on registers of one width; bfloat16 weights meet many tokens in <typeparamref name="TTiles"/>.</summary>
/// <remarks>Its loops ask for <see cref="System.Runtime.CompilerServices.MethodImplOptions.AggressiveOptimization"/>: compiled fully at the first call
/// and never profiled, in any program, so that a first token is not slower than the next.</remarks>
/// <param name="team">Who computes.</param>
internal sealed unsafe class CpuKernels<TVector, TTiles>(ThreadTeam team) : CpuKernels
    where TVector : unmanaged, IFloatVector<TVector>
    where TTiles : struct, ITileFormat
{
    private readonly Scratch scratch = new();

    public override long SharedFloats(in ExpertWeights expert) => expert.W1.Type switch
    {
        ElementType.BFloat16 => ExpertDecode<TVector, BFloat16Element>.SharedFloats(expert),
        ElementType.Float16 => ExpertDecode<TVector, Float16Element>.SharedFloats(expert),
        _ => ExpertDecode<TVector, Float32Element>.SharedFloats(expert),
    };

    public override void Embed(ElementType type, WeightPointer table, ReadOnlySpan<int> tokens, RowPointer output)
    {
        switch (type)
        {
            case ElementType.BFloat16:
                Embedding<TVector>.Run<BFloat16Element>(table, tokens, output);
                break;
            case ElementType.Float16:
                Embedding<TVector>.Run<Float16Element>(table, tokens, output);
                break;
            default:
                Embedding<TVector>.Run<Float32Element>(table, tokens, output);
                break;
        }
    }

    public override void LayerNorm(RowPointer input, ElementType type, WeightPointer weight, float epsilon, RowPointer output)
    {
        switch (type)
        {
            case ElementType.BFloat16:
                LayerNorm<BFloat16Element>(input, weight, epsilon, output);
                break;
            case ElementType.Float16:
                LayerNorm<Float16Element>(input, weight, epsilon, output);
                break;
            default:
                LayerNorm<Float32Element>(input, weight, epsilon, output);
                break;
        }
    }

    public override void Multiply(SharedTeam? shared, RowPointer input, ElementType type, WeightPointer weight, RowPointer output)
    {
        switch (type)
        {
            case ElementType.BFloat16:
                MatrixProduct<TVector, BFloat16Element, TTiles>.Run(team, shared, scratch, input, weight, output);
                break;
            case ElementType.Float16:
                MatrixProduct<TVector, Float16Element, FloatTiles<TVector, Float16Element>>.Run(team, shared, scratch, input, weight, output);
                break;
            default:
                MatrixProduct<TVector, Float32Element, FloatTiles<TVector, Float32Element>>.Run(team, shared, scratch, input, weight, output);
                break;
        }
    }

    public override void RotateAndStore(RowPointer qkv, AttentionShape shape, RotaryTable rotary, KvCache cache, int layer, int position)
    {
        var work = new RotaryStore<TVector>(qkv, shape, new KvPanels<TVector>(cache, layer, shape.HeadDim), rotary, position);
        team.Run(work.ItemCount, ref work);
    }

    public override long SharedAttentionFloats(AttentionShape shape, int tokens, int capacity) => AttentionProduct<TVector>.PartialFloats(shape, tokens, capacity);

    public override void Attend(SharedTeam? shared, RowPointer qkv, AttentionShape shape, KvCache cache, int layer, int position, RowPointer output) =>
        AttentionProduct<TVector>.Run(team, shared, scratch, qkv, shape, new KvPanels<TVector>(cache, layer, shape.HeadDim), position, output);

    public override void RunExperts(SharedTeam? shared, ReadOnlySpan<ExpertWeights> experts, ExpertAssignments assignments, RowPointer input, RowPointer output)
    {
        var clear = new RowClear(output);
        team.Run(output.Rows, ref clear);
        if (assignments.Count == 0)
            return;
        switch (experts[assignments.Expert(0)].W1.Type)
        {
            case ElementType.BFloat16:
                ExpertProduct<TVector, BFloat16Element, TTiles>.Run(team, shared, scratch, experts, assignments, input, output);
                break;
            case ElementType.Float16:
                ExpertProduct<TVector, Float16Element, FloatTiles<TVector, Float16Element>>.Run(team, shared, scratch, experts, assignments, input, output);
                break;
            default:
                ExpertProduct<TVector, Float32Element, FloatTiles<TVector, Float32Element>>.Run(team, shared, scratch, experts, assignments, input, output);
                break;
        }
    }

    public override void Add(RowPointer target, RowPointer addend)
    {
        var work = new RowAddition<TVector>(addend, target);
        team.Run(target.Rows, ref work);
    }

    public override void SumGroups(RowPointer input, int groupSize, RowPointer output)
    {
        var work = new GroupSum<TVector>(input, groupSize, output);
        team.Run(output.Rows, ref work);
    }

    public override float Touch(byte* first, long byteLength) => BufferRead<TVector>.Run(team, first, byteLength);

    public override double RunMultiplyAdds()
    {
        int items = 4 * team.Count;
        var work = new MultiplyAddChains<TVector>(scratch.Threads.Floats(team.Count));
        team.Run(items, ref work);
        return items * MultiplyAddChains<TVector>.ItemFlop;
    }

    public override void Dispose() => scratch.Dispose();

    private void LayerNorm<TElement>(RowPointer input, WeightPointer weight, float epsilon, RowPointer output)
        where TElement : struct, IWeightElement
    {
        var work = new LayerNormalization<TVector, TElement>(input, weight, epsilon, output);
        team.Run(input.Rows, ref work);
    }
}
