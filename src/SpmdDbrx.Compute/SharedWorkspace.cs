using SpmdDbrx.Compute.Cpu;

namespace SpmdDbrx.Compute;

/// <summary>Memory through which devices of one host, each of a rank of its own, work on a few tokens together.</summary>
/// <param name="Memory">First byte, on a cache line; zeroed before the first of them uses it.</param>
/// <param name="ProductBytes">At least <see cref="IDevice.SharedProductBytes"/> of every matrix that is multiplied together and <see cref="IDevice.SharedAttentionBytes"/>.</param>
/// <param name="ExpertBytes">At least <see cref="IDevice.SharedExpertBytes"/> of every expert that is run together.</param>
/// <param name="Device">This device's number among those that share it, from 0.</param>
/// <param name="Devices">Devices that share it, each with as many threads.</param>
/// <param name="WhileWaiting">Called again and again by a device that has waited long for another; throws where that one will never come.</param>
public sealed record SharedWorkspace(nint Memory, long ProductBytes, long ExpertBytes, int Device, int Devices, Action WhileWaiting)
{
    /// <summary>Spans of items that calls can have.</summary>
    internal const int MaxSpans = 64;

    /// <summary>Bytes in front of everything, by which devices agree on calls; the spans of these follow.</summary>
    internal const int CallBytes = 1024;

    /// <summary>Products that may be under way, those of a layer's attention: a device that is ahead writes the next while another still reads the last.</summary>
    internal const int Products = 3;

    private const int LineBytes = 64;
    private const int StateBytes = CallBytes + (MaxSpans * ItemSpans.WordBytes);

    /// <summary>Bytes of the memory.</summary>
    public static long BytesFor(long productBytes, long expertBytes) =>
        checked(StateBytes + (Products * WholeLines(productBytes)) + WholeLines(expertBytes));

    /// <summary>Where the numbers of a product lie, 0 … <see cref="Products"/> − 1.</summary>
    internal nint Product(int number) => Memory + StateBytes + (nint)(number * WholeLines(ProductBytes));

    /// <summary>Where the experts' numbers lie.</summary>
    internal nint Experts => Memory + StateBytes + (nint)(Products * WholeLines(ProductBytes));

    private static long WholeLines(long bytes) => (bytes + LineBytes - 1) / LineBytes * LineBytes;
}
