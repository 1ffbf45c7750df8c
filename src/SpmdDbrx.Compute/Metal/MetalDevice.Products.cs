namespace SpmdDbrx.Compute.Metal;

// Matrix products and the router's choice (product.metal, router.metal).
public sealed unsafe partial class MetalDevice
{
    // Tiles of simdgroup matrices pay above so many tokens (ggml-metal, kernel_mul_mm).
    private const int MostRowTokens = 4;
    private const int RowsPerSimdgroup = 4;
    // MLX, matmul.cpp: eight SIMD-groups a threadgroup, four when there are few rows; split when inputs ≥ 16 · outputs.
    private const int ManyOutputs = 4096;
    private const int SplitRatio = 16;
    private const int SplitSimdgroups = 8;
    private const int TileTokens = 32;
    private const int TileOutputs = 64;
    private const int TileThreads = 128;
    private const int TileBytes = ((TileTokens * 32) + (TileOutputs * 32)) * sizeof(float);

    private WeightKernels productRows1 = null!;
    private WeightKernels productRows4 = null!;
    private WeightKernels productSplit = null!;
    private WeightKernels productTiled = null!;
    private Kernel route = null!;

    public void Multiply(Activations input, in WeightMatrix weight, Activations output)
    {
        if (input.Rows == 0)
            return;
        Binding weights = Binding.Read(weight), inputs = Binding.Read(input), outputs = Binding.Write(output);
        ProductShape shape = new(
            (uint)weight.Rows, (uint)weight.Columns, (uint)input.Rows, (uint)weight.StripColumns, (ulong)weight.RowStrideBytes, (ulong)weight.StripStrideBytes);
        bool wide = IsWide(weight, weights) && inputs.IsAligned(16);
        ReadOnlySpan<Binding> bindings = [weights, inputs, outputs];
        if (input.Rows > MostRowTokens)
        {
            Kernel kernel = productTiled.For(weight.Type, wide);
            MetalSize groups = MetalSize.Of(Ceiling(weight.Rows, TileOutputs), Ceiling(input.Rows, TileTokens));
            stream.Dispatch(nameof(Multiply), kernel, groups, kernel.ExactThreads(TileThreads), bindings, shape, TileBytes);
        }
        else if (weight.Columns >= SplitRatio * weight.Rows)
        {
            Kernel kernel = productSplit.For(weight.Type, wide);
            int threads = kernel.Threads(SplitSimdgroups * Kernel.SimdWidth);
            int bytes = threads / Kernel.SimdWidth * RowsPerSimdgroup * sizeof(float);
            stream.Dispatch(nameof(Multiply), kernel, MetalSize.Of(Ceiling(weight.Rows, RowsPerSimdgroup), input.Rows), threads, bindings, shape, bytes);
        }
        else
        {
            Kernel kernel = (input.Rows == 1 ? productRows1 : productRows4).For(weight.Type, wide);
            int threads = kernel.Threads((weight.Rows < ManyOutputs ? 4 : 8) * Kernel.SimdWidth);
            int rowsPerGroup = threads / Kernel.SimdWidth * RowsPerSimdgroup;
            stream.Dispatch(nameof(Multiply), kernel, MetalSize.Of(Ceiling(weight.Rows, rowsPerGroup)), threads, bindings, shape);
        }
    }

    public void Route(Activations logits, float? normalizationPower, Routing routing)
    {
        ArgumentNullException.ThrowIfNull(routing);
        routing.TokenCount = logits.Rows;
        if (logits.Rows == 0)
            return;
        RouterShape shape = new((uint)logits.Columns, (uint)routing.TopK, normalizationPower ?? 0f);
        stream.Dispatch(nameof(Route), route, MetalSize.Of(logits.Rows), Kernel.SimdWidth,
            [Binding.Read(logits), Binding.Write(routing.ExpertBuffer), Binding.Write(routing.WeightBuffer)],
            shape, logits.Columns * sizeof(float));
    }

    /// <summary>Whether every row can be read four elements at a time.</summary>
    private static bool IsWide(in WeightMatrix matrix, in Binding binding)
    {
        long bytes = matrix.Type.ByteCount(4);
        return matrix.StripColumns % 4 == 0 && matrix.RowStrideBytes % bytes == 0 && matrix.StripStrideBytes % bytes == 0 && binding.IsAligned(bytes);
    }
}
