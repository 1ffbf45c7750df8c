namespace SpmdDbrx.Compute.Metal;

// Rotation and attention (attention.metal, attention_prefill.metal).
public sealed unsafe partial class MetalDevice
{
    private const int MostHeadDim = 256;
    private const int DecodeSimdgroups = 8;
    private const int KeysPerBlock = 64;
    private const int MostBlocks = 128;
    private const int PrefillThreads = 128;
    private const int PrefillQueries = 32;
    private const float NoClip = float.MaxValue;

    private readonly Kernel[] attendRows = new Kernel[4];
    private readonly Kernel[] attendBlocks = new Kernel[4];
    private readonly Kernel[] attendPrefill = new Kernel[4];
    private Kernel rotateStore = null!;
    private Kernel attendMerge = null!;
    private ScratchBuffer attentionPartials = null!;

    public void RotateAndStore(Activations qkv, AttentionShape shape, RotaryTable rotary, KvCache cache, int layer, int position)
    {
        ArgumentNullException.ThrowIfNull(shape);
        ArgumentNullException.ThrowIfNull(rotary);
        ArgumentNullException.ThrowIfNull(cache);
        if (qkv.Rows == 0)
            return;
        AttentionArguments arguments = Arguments(shape, cache, position, qkv.Rows);
        stream.Dispatch(nameof(RotateAndStore), rotateStore, MetalSize.Of(shape.HeadCount + (2 * shape.KvHeadCount), qkv.Rows), Kernel.SimdWidth,
            [Binding.Write(qkv), Binding.Read(rotary.Cosines), Binding.Read(rotary.Sines), Binding.Write(cache.Keys(layer)), Binding.Write(cache.Values(layer))],
            arguments);
    }

    public void Attend(Activations qkv, AttentionShape shape, KvCache cache, int layer, int position, Activations output)
    {
        ArgumentNullException.ThrowIfNull(shape);
        ArgumentNullException.ThrowIfNull(cache);
        if (qkv.Rows == 0)
            return;
        if (shape.HeadDim > MostHeadDim)
            throw new NotSupportedException($"metal: heads of {shape.HeadDim} features; the kernels hold at most {MostHeadDim}");
        AttentionArguments arguments = Arguments(shape, cache, position, qkv.Rows);
        Binding q = Binding.Read(qkv), keys = Binding.Read(cache.Keys(layer)), values = Binding.Read(cache.Values(layer));
        if (qkv.Rows > MostRowTokens)
            AttendPrefill(arguments, [q, keys, values, Binding.Write(output)]);
        else if (position + qkv.Rows < options.TwoPassKeys)
            AttendOnePass(arguments, [q, keys, values, Binding.Write(output)]);
        else
            AttendTwoPasses(arguments, q, keys, values, Binding.Write(output));
    }

    private void AttendOnePass(AttentionArguments arguments, ReadOnlySpan<Binding> bindings)
    {
        arguments = arguments with { BlockKeys = arguments.Position + arguments.Tokens, Blocks = 1 };
        Kernel kernel = attendRows[HeadDimIndex(arguments)];
        int threads = kernel.Threads(DecodeSimdgroups * Kernel.SimdWidth);
        stream.Dispatch(nameof(Attend), kernel, MetalSize.Of((int)arguments.Heads, (int)arguments.Tokens), threads,
            bindings, arguments, MergeBytes(threads, arguments));
    }

    private void AttendTwoPasses(AttentionArguments arguments, Binding q, Binding keys, Binding values, Binding output)
    {
        int visible = (int)(arguments.Position + arguments.Tokens);
        int blocks = Math.Min(MostBlocks, Ceiling(visible, KeysPerBlock));
        arguments = arguments with { BlockKeys = (uint)Ceiling(visible, blocks), Blocks = (uint)blocks };
        Binding partials = attentionPartials.Write((long)arguments.Tokens * arguments.Heads * blocks * (arguments.HeadDim + 2));
        Kernel kernel = attendBlocks[HeadDimIndex(arguments)];
        int threads = kernel.Threads(DecodeSimdgroups * Kernel.SimdWidth);
        stream.Dispatch(nameof(Attend), kernel, MetalSize.Of((int)arguments.Heads, (int)arguments.Tokens, blocks), threads,
            [q, keys, values, partials], arguments, MergeBytes(threads, arguments));
        stream.Dispatch(nameof(Attend), attendMerge, MetalSize.Of((int)arguments.Heads, (int)arguments.Tokens), Kernel.SimdWidth,
            [partials with { Written = false }, output], arguments);
    }

    private void AttendPrefill(AttentionArguments arguments, ReadOnlySpan<Binding> bindings)
    {
        int index = HeadDimIndex(arguments), width = 32 << index, keyBlock = index < 3 ? 32 : 16;
        int floats = (keyBlock * width) + (PrefillThreads / Kernel.SimdWidth * 8 * (keyBlock + 8));
        Kernel kernel = attendPrefill[index];
        stream.Dispatch(nameof(Attend), kernel, MetalSize.Of((int)arguments.Heads, Ceiling((int)arguments.Tokens, PrefillQueries)),
            kernel.ExactThreads(PrefillThreads), bindings, arguments, floats * sizeof(float));
    }

    /// <summary>Kernels exist for heads of up to 32, 64, 128 and 256 features: 0 … 3.</summary>
    private static int HeadDimIndex(AttentionArguments arguments) => arguments.HeadDim switch
    {
        <= 32 => 0,
        <= 64 => 1,
        <= 128 => 2,
        _ => 3,
    };

    private static int MergeBytes(int threads, AttentionArguments arguments) =>
        threads / Kernel.SimdWidth * ((int)arguments.HeadDim + 2) * sizeof(float);

    private static AttentionArguments Arguments(AttentionShape shape, KvCache cache, int position, int tokens)
    {
        if (position + tokens > cache.Capacity)
            throw new ArgumentOutOfRangeException(nameof(position), position, $"attention: positions up to {position + tokens} exceed the cache's {cache.Capacity}");
        return new AttentionArguments(
            (uint)shape.HeadCount, (uint)shape.KvHeadCount, (uint)shape.HeadDim, (uint)cache.Capacity, (uint)position, (uint)tokens,
            shape.Clip ?? NoClip, 1f / MathF.Sqrt(shape.HeadDim), BlockKeys: 0, Blocks: 0);
    }
}
