using SpmdDbrx.Compute;
using Xunit;

namespace SpmdDbrx.Tests.Compute;

public class AvailableMemoryTests
{
    [Fact]
    public void Bytes_ThisMachine_IsWithinItsMemory() =>
        Assert.InRange(AvailableMemory.Bytes(), 1 << 20, GC.GetGCMemoryInfo().TotalAvailableMemoryBytes);

    [Fact]
    public void Parse_LinesOfMeminfo_GivesBytes() =>
        Assert.Equal(20_480_000, AvailableMemory.Parse(["MemTotal:       24000000 kB", "MemFree:            1000 kB", "MemAvailable:      20000 kB"]));

    [Theory]
    [InlineData("MemTotal: 5 kB")]
    [InlineData("MemAvailable: much")]
    public void Parse_NoSuchLine_GivesNull(string line) => Assert.Null(AvailableMemory.Parse([line]));
}
