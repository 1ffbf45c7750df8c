using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>Asks for cache lines before they are read. .NET has such instructions on x86 only; elsewhere nothing happens.</summary>
internal interface IPrefetch
{
    /// <summary>Asks for what follows <paramref name="position"/> in a stream; any address is allowed.</summary>
    static abstract unsafe void Ahead(byte* position);
}

/// <summary>For streams read once: past the outer caches, which keep what is read again. 320 to 512 bytes ahead measured best for eight streams.</summary>
internal readonly unsafe struct ReadOnce : IPrefetch
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Ahead(byte* position)
    {
        if (Sse.IsSupported)
            Sse.PrefetchNonTemporal(position + 448);
    }
}

/// <summary>For streams that several tokens read one after the other.</summary>
internal readonly unsafe struct ReadAgain : IPrefetch
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Ahead(byte* position)
    {
        if (Sse.IsSupported)
            Sse.Prefetch0(position + 384);
    }
}

/// <summary>For two or three streams read once, each of whose lines meets much arithmetic: 768 to 1,024 bytes ahead measured best.</summary>
internal readonly unsafe struct ReadOnceFar : IPrefetch
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Ahead(byte* position)
    {
        if (Sse.IsSupported)
            Sse.PrefetchNonTemporal(position + 1024);
    }
}

/// <summary>Asks for nothing: for what lies in a cache already.</summary>
internal readonly unsafe struct NoPrefetch : IPrefetch
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Ahead(byte* position)
    {
    }
}
