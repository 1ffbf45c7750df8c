using System.Globalization;
using SpmdDbrx.Compute.Cpu;
using Xunit;

namespace SpmdDbrx.Tests.Compute.Cpu;

public class AlignedBufferTests
{
    private const long HugePage = 2 << 20;

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(63)]
    [InlineData(1 << 20)]
    [InlineData(HugePage)]
    [InlineData((8 * HugePage) + 20)]
    public unsafe void Buffer_AnyLength_IsZeroedAndAligned(long byteLength)
    {
        for (int written = 0; written < 4; written++)
        {
            using AlignedBuffer used = new(byteLength);
            used.Span<byte>(0, checked((int)byteLength)).Fill(1);
        }
        using AlignedBuffer buffer = new(byteLength);
        Assert.Equal(0, (long)buffer.Pointer % (byteLength < HugePage ? 64 : HugePage));
        Assert.Equal(-1, buffer.Span<byte>(0, checked((int)byteLength)).IndexOfAnyExcept((byte)0));
    }

    /// <summary>A kernel of Linux gives a huge page only where all of it is advised, so the end of a buffer needs whole ones as well.</summary>
    [SkippableTheory]
    [InlineData(HugePage)]
    [InlineData((8 * HugePage) + 20)]
    [InlineData((3 * HugePage) - 4096)]
    public unsafe void LargeBuffer_OnLinux_MayHaveHugePagesToItsEnd(long byteLength)
    {
        Skip.IfNot(File.Exists("/sys/kernel/mm/transparent_hugepage/enabled"), "this system has no transparent huge pages");
        using AlignedBuffer buffer = new(byteLength);
        for (long offset = 0; offset < byteLength; offset += HugePage)
            Assert.True(IsAdvised((long)buffer.Pointer + offset, HugePage), $"{byteLength} bytes, huge page at {offset}");
    }

    /// <summary>Whether one mapping advised with MADV_HUGEPAGE holds all of these addresses (proc(5): smaps, flag hg).</summary>
    private static bool IsAdvised(long address, long length)
    {
        bool isInside = false;
        foreach (string line in File.ReadLines("/proc/self/smaps"))
        {
            string[] range = line.Split(' ')[0].Split('-');
            if (range.Length == 2 && long.TryParse(range[0], NumberStyles.HexNumber, null, out long start))
                isInside = start <= address && address + length <= long.Parse(range[1], NumberStyles.HexNumber, null);
            else if (isInside && line.StartsWith("VmFlags:", StringComparison.Ordinal))
                return line.Split(' ').Contains("hg");
        }
        return false;
    }

    [Fact]
    public void Buffer_NegativeLength_Throws() => Assert.Throws<ArgumentOutOfRangeException>(() => new AlignedBuffer(-1));

    [Fact]
    public void Buffer_MoreThanAnyMachineHas_SaysSo()
    {
        InsufficientMemoryException exception = Assert.Throws<InsufficientMemoryException>(() => new AlignedBuffer(long.MaxValue));
        Assert.Contains("use a shorter --context or more ranks", exception.Message, StringComparison.Ordinal);
    }
}
