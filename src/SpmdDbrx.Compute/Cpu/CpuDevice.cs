using System.Runtime.Intrinsics;
using SpmdDbrx.Compute.Cpu;

namespace SpmdDbrx.Compute;

/// <summary>The processor and its memory: vectorised kernels on a team of threads. Every call has run when it returns.</summary>
/// <remarks>Results are the same bits for any number of threads.</remarks>
public sealed unsafe class CpuDevice : IDevice
{
    /// <summary>How long idle threads wait for the next call before they park: longer than an all-reduce on one host.</summary>
    private const int SpinMicroseconds = 500;

    private readonly ThreadTeam team;
    private readonly CpuKernels kernels;
    private SharedTeam? shared;

    /// <param name="threads">Threads, the caller included; at least 1.</param>
    public CpuDevice(int threads) : this(new CpuDeviceOptions(threads))
    {
    }

    /// <param name="options">How to compute.</param>
    public CpuDevice(CpuDeviceOptions options) : this(options, WidestVectorBits, TilesFor(options.Prefill))
    {
    }

    /// <param name="options">How to compute, <see cref="CpuDeviceOptions.Prefill"/> aside.</param>
    /// <param name="vectorBits">128, 256 or 512; widths that the processor lacks run in software.</param>
    /// <param name="tiles">How prefill multiplies.</param>
    internal CpuDevice(CpuDeviceOptions options, int vectorBits, PrefillTiles tiles = PrefillTiles.Float)
    {
        team = new ThreadTeam(options.Threads, options.SharesCores || options.Threads > Environment.ProcessorCount ? 0 : SpinMicroseconds, options.SharesMemory);
        kernels = vectorBits switch
        {
            128 => CpuKernels.Create<FloatVector128>(team, tiles),
            256 => CpuKernels.Create<FloatVector256>(team, tiles),
            512 => CpuKernels.Create<FloatVector512>(team, tiles),
            _ => throw new ArgumentOutOfRangeException(nameof(vectorBits), vectorBits, "128, 256 or 512"),
        };
        PrefillsInBFloat16 = tiles == PrefillTiles.BFloat16;
        string prefill = tiles switch
        {
            PrefillTiles.Float => "",
            PrefillTiles.RoundedFloat => ", prefill rounded to bfloat16",
            _ => ", prefill in bfloat16",
        };
        Description = $"{vectorBits}-bit vectors{prefill}, {options.Threads} {(options.Threads == 1 ? "thread" : "threads")}";
    }

    /// <summary>Whether <see cref="PrefillPrecision.BFloat16"/> is faster here: the processor has bfloat16 dot products of the width of its
    /// vectors, and the library of native/cpu is there.</summary>
    public static bool HasBFloat16DotProducts => NativeKernels.OfProcessor?.Lanes * 32 == WidestVectorBits;

    /// <summary>Whether products of many tokens run on bfloat16 dot products.</summary>
    internal bool PrefillsInBFloat16 { get; }

    /// <summary>The widest registers that the processor computes on at once.</summary>
    public static int WidestVectorBits =>
        Vector512.IsHardwareAccelerated ? 512 : Vector256.IsHardwareAccelerated ? 256 : 128;

    public string Name => "cpu";

    public string Description { get; }

    public void RequireMemory(long byteLength, string what)
    {
    }

    public void RequireExperts(ReadOnlySpan<ExpertWeights> experts)
    {
        foreach (ExpertWeights expert in experts)
        {
            ElementType type = experts[0].W1.Type;
            if (expert.W1.Type != type || expert.V1.Type != type || expert.W2.Type != type)
            {
                throw new NotSupportedException(
                    $"cpu: all experts of a layer must have one element type, {type} like the first one's w1; found w1 {expert.W1.Type}, v1 {expert.V1.Type}, w2 {expert.W2.Type}");
            }
        }
    }

    public int SharedBatch => ExpertSlice.MaxTokens;

    public int SharedAssignments => ExpertPass.Tokens;

    public long SharedExpertBytes(in ExpertWeights expert) => kernels.SharedFloats(expert) * sizeof(float);

    public long SharedProductBytes(in WeightMatrix weight, int tokens) => (long)weight.StripCount * tokens * weight.Rows * sizeof(float);

    public long SharedAttentionBytes(AttentionShape shape, int tokens, int capacity) => kernels.SharedAttentionFloats(shape, tokens, capacity) * sizeof(float);

    public void Share(SharedWorkspace? workspace)
    {
        if (workspace is not null && shared is not null)
            throw new InvalidOperationException("Share: expected a device without a workspace, found one that shares another; dispose the session that does");
        shared = workspace is null ? null : new SharedTeam(team, workspace);
    }

    public DeviceBuffer Allocate(long byteLength) => new AlignedBuffer(byteLength);

    public DeviceBuffer Wrap(MappedFile file, long byteOffset, long byteLength)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(byteOffset);
        ArgumentOutOfRangeException.ThrowIfNegative(byteLength);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(byteOffset, file.Length - byteLength);
        return new MappedBuffer(file, byteOffset, byteLength);
    }

    public void Embed(in WeightMatrix table, ReadOnlySpan<int> tokens, Activations output)
    {
        Require(output.Rows >= tokens.Length && output.Columns == table.Columns, "Embed: output is not [tokens, D]");
        table.RequireWholeRows(nameof(Embed));
        foreach (int token in tokens)
        {
            if ((uint)token >= (uint)table.Rows)
                throw new ArgumentException($"Embed: token {token} is outside the vocabulary of {table.Rows}");
        }
        kernels.Embed(table.Type, new WeightPointer(table), tokens, new RowPointer(output));
    }

    public void LayerNorm(Activations input, in WeightMatrix weight, float epsilon, Activations output)
    {
        Require(input.Rows == output.Rows && input.Columns == output.Columns && weight.Columns == input.Columns, "LayerNorm: shapes differ");
        weight.RequireWholeRows(nameof(LayerNorm));
        kernels.LayerNorm(new RowPointer(input), weight.Type, new WeightPointer(weight), epsilon, new RowPointer(output));
    }

    public void Multiply(Activations input, in WeightMatrix weight, Activations output) => Multiply(null, input, weight, output);

    public void MultiplyTogether(Activations input, in WeightMatrix weight, Activations output) =>
        Multiply(SharedTeamFor(input.Rows, nameof(MultiplyTogether)), input, weight, output);

    public void RotateAndStore(Activations qkv, AttentionShape shape, RotaryTable rotary, KvCache cache, int layer, int position)
    {
        Require(qkv.Columns == shape.QkvDim, "RotateAndStore: input is not [tokens, QkvDim]");
        Require((long)position + qkv.Rows <= cache.Capacity, "RotateAndStore: positions leave the cache");
        kernels.RotateAndStore(new RowPointer(qkv), shape, rotary, cache, layer, position);
    }

    public void Attend(Activations qkv, AttentionShape shape, KvCache cache, int layer, int position, Activations output) =>
        Attend(null, qkv, shape, cache, layer, position, output);

    public void AttendTogether(Activations qkv, AttentionShape shape, KvCache cache, int layer, int position, Activations output) =>
        Attend(SharedTeamFor(qkv.Rows, nameof(AttendTogether)), qkv, shape, cache, layer, position, output);

    public void Route(Activations logits, float? normalizationPower, Routing routing)
    {
        Require(routing.TopK <= logits.Columns, "Route: top k exceeds the experts");
        routing.TokenCount = logits.Rows;
        for (int token = 0; token < logits.Rows; token++)
        {
            RouterChoice.Choose(
                logits.Row(token), normalizationPower,
                routing.Experts.Slice(token * routing.TopK, routing.TopK), routing.Weights.Slice(token * routing.TopK, routing.TopK));
        }
    }

    public void RunExperts(ReadOnlySpan<ExpertWeights> experts, ExpertAssignments assignments, Activations input, Activations output)
    {
        Require(input.Columns == output.Columns, "RunExperts: input and output differ in columns");
        SharedTeam? together = assignments.AreShared ? SharedTeamFor(input.Rows, nameof(RunExperts)) : null;
        if (together is not null && assignments.Count > SharedAssignments)
            throw new ArgumentException($"RunExperts: expected at most {SharedAssignments} assignments for devices that work together, found {assignments.Count}");
        kernels.RunExperts(together, experts, assignments, new RowPointer(input), new RowPointer(output));
    }

    public void Add(Activations target, Activations addend)
    {
        Require(target.Rows == addend.Rows && target.Columns == addend.Columns, "Add: shapes differ");
        kernels.Add(new RowPointer(target), new RowPointer(addend));
    }

    public void SumGroups(Activations input, int groupSize, Activations output)
    {
        Require(input.Rows == output.Rows * groupSize && input.Columns == output.Columns, "SumGroups: shapes differ");
        kernels.SumGroups(new RowPointer(input), groupSize, new RowPointer(output));
    }

    public float Touch(DeviceBuffer buffer, long byteOffset = 0, long? byteLength = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(byteOffset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(byteOffset, buffer.ByteLength);
        long length = byteLength ?? buffer.ByteLength - byteOffset;
        ArgumentOutOfRangeException.ThrowIfNegative(length, nameof(byteLength));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, buffer.ByteLength - byteOffset, nameof(byteLength));
        return kernels.Touch(buffer.Pointer + byteOffset, length);
    }

    public bool EncodesAhead => false;

    public void Commit()
    {
    }

    public void Wait()
    {
    }

    public void Complete()
    {
    }

    /// <summary>Keeps all threads busy with nothing but multiply-adds; returns the floating-point operations done.</summary>
    internal double RunMultiplyAdds() => kernels.RunMultiplyAdds();

    /// <summary>Keeps all threads busy with nothing but bfloat16 dot products; returns the floating-point operations done, 0 where there are none.</summary>
    internal double RunDotProducts()
    {
        if (!HasBFloat16DotProducts)
            return 0;
        int items = 4 * team.Count;
        double* flop = stackalloc double[items];
        var work = new DotProductChains(flop);
        team.Run(items, ref work);
        double sum = 0;
        for (int item = 0; item < items; item++)
            sum += flop[item];
        return sum;
    }

    public void Dispose()
    {
        team.Dispose();
        kernels.Dispose();
    }

    private void Multiply(SharedTeam? together, Activations input, in WeightMatrix weight, Activations output)
    {
        Require(
            input.Rows == output.Rows && weight.Columns == input.Columns && weight.Rows == output.Columns,
            "Multiply: [tokens, in] · [out, in]ᵀ is not [tokens, out]");
        kernels.Multiply(together, new RowPointer(input), weight.Type, new WeightPointer(weight), new RowPointer(output));
    }

    private void Attend(SharedTeam? together, Activations qkv, AttentionShape shape, KvCache cache, int layer, int position, Activations output)
    {
        Require(qkv.Columns == shape.QkvDim && output.Columns == shape.QueryDim && output.Rows == qkv.Rows, "Attend: shapes differ");
        Require((long)position + qkv.Rows <= cache.Capacity, "Attend: positions leave the cache");
        kernels.Attend(together, new RowPointer(qkv), shape, cache, layer, position, new RowPointer(output));
    }

    private SharedTeam SharedTeamFor(int tokens, string operation)
    {
        if (tokens > SharedBatch)
            throw new ArgumentException($"{operation}: expected at most {SharedBatch} tokens for devices that work together, found {tokens}");
        return shared ?? throw new ArgumentException($"{operation}: expected a workspace shared with other devices, found none");
    }

    private static PrefillTiles TilesFor(PrefillPrecision precision) =>
        precision == PrefillPrecision.Float32 ? PrefillTiles.Float
        : HasBFloat16DotProducts ? PrefillTiles.BFloat16
        : PrefillTiles.RoundedFloat;

    private static void Require(bool condition, string message)
    {
        if (!condition)
            throw new ArgumentException(message);
    }
}
