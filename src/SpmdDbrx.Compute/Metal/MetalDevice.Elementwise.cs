namespace SpmdDbrx.Compute.Metal;

// Embedding, norms, sums of rows and standby (elementwise.metal, norm.metal).
public sealed unsafe partial class MetalDevice
{
    private const int ElementwiseThreads = 256;
    private const int MostStandbyGroups = 1024;
    private const long StandbyBytesPerThread = 1024;

    private readonly Kernel[] embed = new Kernel[3];
    private readonly Kernel[] layerNorm = new Kernel[3];
    private readonly Kernel[] rmsNorm = new Kernel[3];
    private Kernel add = null!;
    private Kernel sumGroups = null!;
    private Kernel standbySum = null!;

    public void Embed(in WeightMatrix table, ReadOnlySpan<int> tokens, Activations output)
    {
        table.RequireWholeRows(nameof(Embed));
        if (tokens.IsEmpty)
            return;
        Span<int> ids = encodingUploads.Reserve<int>(tokens.Length, out Binding idsBinding);
        for (int i = 0; i < tokens.Length; i++)
        {
            ids[i] = (uint)tokens[i] < (uint)table.Rows
                ? tokens[i]
                : throw new ArgumentOutOfRangeException(nameof(tokens), tokens[i], $"embedding: token {i} must be below the vocabulary's {table.Rows}");
        }
        EmbedShape shape = new((uint)table.Columns, (uint)tokens.Length, (ulong)table.RowStrideBytes);
        stream.Dispatch(nameof(Embed), embed[(int)table.Type], ElementwiseGroups(table.Columns, tokens.Length), ElementwiseThreads,
            [Binding.Read(table), idsBinding, Binding.Write(output.Take(tokens.Length))], shape);
    }

    public void LayerNorm(Activations input, in WeightMatrix weight, float epsilon, Activations output) =>
        Norm(nameof(LayerNorm), layerNorm[(int)weight.Type], input, weight, epsilon, output);

    /// <summary>output = input / sqrt(mean of squares + epsilon) · weight, per row.</summary>
    /// <remarks>DBRX has no such norm. The kernel is ready and checked; <see cref="IDevice"/> gets the operation with the first model that calls it.</remarks>
    internal void RmsNorm(Activations input, in WeightMatrix weight, float epsilon, Activations output) =>
        Norm(nameof(RmsNorm), rmsNorm[(int)weight.Type], input, weight, epsilon, output);

    public void Add(Activations target, Activations addend)
    {
        int count = checked(target.Rows * target.Columns);
        if (count == 0)
            return;
        stream.Dispatch(nameof(Add), add, ElementwiseGroups(count, 1), ElementwiseThreads,
            [Binding.Write(target), Binding.Read(addend)], (uint)count);
    }

    public void SumGroups(Activations input, int groupSize, Activations output)
    {
        if (output.Rows == 0)
            return;
        GroupSumShape shape = new((uint)output.Columns, (uint)groupSize);
        stream.Dispatch(nameof(SumGroups), sumGroups, ElementwiseGroups(output.Columns, output.Rows), ElementwiseThreads,
            [Binding.Read(input), Binding.Write(output)], shape);
    }

    /// <inheritdoc/>
    /// <remarks>Runs at once, after everything asked for before.</remarks>
    public float Touch(DeviceBuffer buffer, long byteOffset = 0, long? byteLength = null)
    {
        MetalBuffer metalBuffer = MetalBuffer.Of(buffer);
        ulong total = 0;
        long end = byteOffset + (byteLength ?? buffer.ByteLength - byteOffset);
        long bytes;
        for (long first = byteOffset; first < end; first += bytes)
        {
            bytes = Math.Min(metalBuffer.WindowStep - (first % metalBuffer.WindowStep), end - first);
            int groups = (int)Math.Clamp(bytes / (ElementwiseThreads * StandbyBytesPerThread), 1, MostStandbyGroups);
            Span<uint> sums = encodingUploads.Reserve<uint>(groups, out Binding sumsBinding);
            StandbyShape shape = new((ulong)bytes, (uint)(groups * ElementwiseThreads));
            stream.Dispatch(nameof(Touch), standbySum, MetalSize.Of(groups), ElementwiseThreads,
                [new Binding(metalBuffer, first, bytes, Written: false), sumsBinding.AsWritten()], shape, ElementwiseThreads / Kernel.SimdWidth * sizeof(uint));
            Complete();
            foreach (uint sum in sums)
                total += sum;
        }
        return total;
    }

    private void Norm(string name, Kernel kernel, Activations input, in WeightMatrix weight, float epsilon, Activations output)
    {
        weight.RequireWholeRows(name);
        if (input.Rows == 0)
            return;
        int threads = kernel.Threads(input.Columns <= 1024 ? 128 : 512);
        NormShape shape = new((uint)input.Columns, epsilon);
        stream.Dispatch(name, kernel, MetalSize.Of(input.Rows), threads,
            [Binding.Read(input), Binding.Read(weight), Binding.Write(output)], shape, threads / Kernel.SimdWidth * sizeof(float));
    }

    private static MetalSize ElementwiseGroups(int columns, int rows) => MetalSize.Of(Ceiling(columns, ElementwiseThreads), rows);

    private static int Ceiling(int count, int divisor) => (count + divisor - 1) / divisor;
}
