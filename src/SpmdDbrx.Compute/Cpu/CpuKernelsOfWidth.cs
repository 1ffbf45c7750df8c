namespace SpmdDbrx.Compute.Cpu;

/// <summary><see cref="CpuKernels"/> on registers of one width.</summary>
internal sealed unsafe class CpuKernels<TVector>(ThreadTeam team) : CpuKernels
    where TVector : unmanaged, IFloatVector<TVector>
{
    private readonly Scratch scratch = new();

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

    public override void Multiply(RowPointer input, ElementType type, WeightPointer weight, RowPointer output)
    {
        switch (type)
        {
            case ElementType.BFloat16:
                MatrixProduct<TVector, BFloat16Element>.Run(team, scratch, input, weight, output);
                break;
            case ElementType.Float16:
                MatrixProduct<TVector, Float16Element>.Run(team, scratch, input, weight, output);
                break;
            default:
                MatrixProduct<TVector, Float32Element>.Run(team, scratch, input, weight, output);
                break;
        }
    }

    public override void RotateAndStore(RowPointer qkv, AttentionShape shape, RotaryTable rotary, KvCache cache, int layer, int position)
    {
        var work = new RotaryStore<TVector>(
            qkv, shape.HeadCount, shape.KvHeadCount, shape.HeadDim, shape.Clip ?? float.PositiveInfinity,
            (float*)rotary.Cosines.Pointer, (float*)rotary.Sines.Pointer,
            (float*)cache.Keys(layer).Pointer, (float*)cache.Values(layer).Pointer, cache.Capacity, position);
        team.Run(qkv.Rows, ref work);
    }

    public override void Attend(RowPointer qkv, AttentionShape shape, KvCache cache, int layer, int position, RowPointer output) =>
        AttentionProduct<TVector>.Run(team, scratch, qkv, shape, new KvPointer(cache, layer, shape.HeadDim), position, output);

    public override void RunExperts(ReadOnlySpan<ExpertWeights> experts, ExpertAssignments assignments, RowPointer input, RowPointer output)
    {
        new Span<float>(output.First, checked(output.Rows * output.Columns)).Clear();
        if (assignments.Count == 0)
            return;
        switch (experts[assignments.Expert(0)].W1.Type)
        {
            case ElementType.BFloat16:
                ExpertProduct<TVector, BFloat16Element>.Run(team, scratch, experts, assignments, input, output);
                break;
            case ElementType.Float16:
                ExpertProduct<TVector, Float16Element>.Run(team, scratch, experts, assignments, input, output);
                break;
            default:
                ExpertProduct<TVector, Float32Element>.Run(team, scratch, experts, assignments, input, output);
                break;
        }
    }

    public override void Add(RowPointer target, RowPointer addend)
    {
        for (int row = 0; row < target.Rows; row++)
            RowMath<TVector>.Add(target.Row(row), addend.Row(row), target.Columns);
    }

    public override void SumGroups(RowPointer input, int groupSize, RowPointer output)
    {
        for (int row = 0; row < output.Rows; row++)
        {
            float* target = output.Row(row);
            new ReadOnlySpan<float>(input.Row(row * groupSize), output.Columns).CopyTo(new Span<float>(target, output.Columns));
            for (int addend = 1; addend < groupSize; addend++)
                RowMath<TVector>.Add(target, input.Row((row * groupSize) + addend), output.Columns);
        }
    }

    public override void Dispose() => scratch.Dispose();

    private void LayerNorm<TElement>(RowPointer input, WeightPointer weight, float epsilon, RowPointer output)
        where TElement : struct, IWeightElement
    {
        var work = new LayerNormalization<TVector, TElement>(input, weight, epsilon, output);
        team.Run(input.Rows, ref work);
    }
}
