using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>Asks for cache lines before they are read. .NET has such instructions on x86 only; elsewhere nothing happens.</summary>
internal interface IPrefetch
{
    /// <summary>Asks for what follows <paramref name="position"/> in a stream; any address is allowed.</summary>
    static abstract unsafe void Ahead(byte* position);
}

/// <summary>For streams read once: past the outer caches, which keep what is read again. 320 to 512 bytes ahead measured best for eight streams on Zen 3.</summary>
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

/// <summary>For two streams of weights read once: 3 KB ahead measured best on Zen 5, of 0.75 to 8.</summary>
internal readonly unsafe struct PairReadOnce : IPrefetch
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Ahead(byte* position)
    {
        if (Sse.IsSupported)
            Sse.PrefetchNonTemporal(position + 3072);
    }
}

/// <summary>For the same where several tokens read a pair of rows one after the other: as far ahead, into all caches.</summary>
internal readonly unsafe struct PairReadAgain : IPrefetch
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Ahead(byte* position)
    {
        if (Sse.IsSupported)
            Sse.Prefetch0(position + 3072);
    }
}

/// <summary>For two or three streams read once, each of whose lines meets much arithmetic: 768 to 1,024 bytes ahead measured best on Zen 3.</summary>
internal readonly unsafe struct ReadOnceFar : IPrefetch
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Ahead(byte* position)
    {
        if (Sse.IsSupported)
            Sse.PrefetchNonTemporal(position + 1024);
    }
}

/// <summary>The same on processors with 512-bit registers: 2 to 3 KB ahead measured best on Zen 5.</summary>
internal readonly unsafe struct ReadOnceFarther : IPrefetch
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Ahead(byte* position)
    {
        if (Sse.IsSupported)
            Sse.PrefetchNonTemporal(position + 2048);
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

/// <summary>Asks for every line of a piece of a stream, where <typeparamref name="TPrefetch"/> alone asks for one.</summary>
internal static unsafe class Lines<TPrefetch> where TPrefetch : struct, IPrefetch
{
    private const int LineBytes = 64;

    /// <summary>For pieces of one or two lines.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Ahead(byte* piece, int byteLength)
    {
        TPrefetch.Ahead(piece);
        if (byteLength > LineBytes)
            TPrefetch.Ahead(piece + LineBytes);
    }
}
