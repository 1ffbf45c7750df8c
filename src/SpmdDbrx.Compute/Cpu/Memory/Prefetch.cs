using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>Asks for cache lines before they are read. .NET has such instructions on x86 only; elsewhere nothing happens.</summary>
internal interface IPrefetch
{
    /// <summary>How far ahead of its reader a stream is asked for, in bytes.</summary>
    static abstract int Distance { get; }

    /// <summary>Asks for the line of <paramref name="position"/>; any address is allowed.</summary>
    static abstract unsafe void Line(byte* position);
}

/// <summary>For streams read once: past the outer caches, which keep what is read again. 320 to 512 bytes ahead measured best for eight streams on Zen 3.</summary>
internal readonly unsafe struct ReadOnce : IPrefetch
{
    public static int Distance => 448;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Line(byte* position)
    {
        if (Sse.IsSupported)
            Sse.PrefetchNonTemporal(position);
    }
}

/// <summary>For streams that several tokens read one after the other.</summary>
internal readonly unsafe struct ReadAgain : IPrefetch
{
    public static int Distance => 384;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Line(byte* position)
    {
        if (Sse.IsSupported)
            Sse.Prefetch0(position);
    }
}

/// <summary>For two streams of weights: 4 KB ahead measured best on Zen 5, of 2 to 12, and past the outer caches also where several tokens read a pair of rows one after the other.
/// One token on the only thread that reads memory does best without.</summary>
internal readonly unsafe struct PairRead : IPrefetch
{
    public static int Distance => 4096;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Line(byte* position)
    {
        if (Sse.IsSupported)
            Sse.PrefetchNonTemporal(position);
    }
}

/// <summary>For two or three streams read once, each of whose lines meets much arithmetic: 768 to 1,024 bytes ahead measured best on Zen 3.</summary>
internal readonly unsafe struct ReadOnceFar : IPrefetch
{
    public static int Distance => 1024;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Line(byte* position)
    {
        if (Sse.IsSupported)
            Sse.PrefetchNonTemporal(position);
    }
}

/// <summary>The same on processors with 512-bit registers: 3 to 4 KB ahead of two streams measured best on Zen 5.</summary>
internal readonly unsafe struct ReadOnceFarther : IPrefetch
{
    public static int Distance => 3072;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Line(byte* position)
    {
        if (Sse.IsSupported)
            Sse.PrefetchNonTemporal(position);
    }
}

/// <summary>Asks for nothing: for what lies in a cache already, or what the processor itself fetches in time.</summary>
internal readonly unsafe struct NoPrefetch : IPrefetch
{
    public static int Distance => 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Line(byte* position)
    {
    }
}

/// <summary>Reading along a stream.</summary>
internal static unsafe class Prefetch<TPrefetch> where TPrefetch : struct, IPrefetch
{
    private const int LineBytes = 64;

    /// <summary>Asks for what follows <paramref name="position"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Ahead(byte* position) => TPrefetch.Line(position + TPrefetch.Distance);

    /// <summary>Asks for all of a run of bytes that starts a line.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Run(byte* first, long byteLength)
    {
        for (byte* line = first; line < first + byteLength; line += LineBytes)
            TPrefetch.Line(line);
    }

    /// <summary>Asks for all of a piece of one or two lines.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Piece(byte* piece, int byteLength)
    {
        TPrefetch.Line(piece);
        if (byteLength > LineBytes)
            TPrefetch.Line(piece + LineBytes);
    }
}
