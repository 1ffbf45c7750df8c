using SpmdDbrx.Compute;
using Xunit;

namespace SpmdDbrx.Tests.Compute;

public class FilePrefaultTests
{
    [Theory]
    [InlineData(0, 0, 0)]
    [InlineData(1, 0, 1)]
    [InlineData(5000, 4999, 1)]
    [InlineData((16 << 20) + 5, 0, (16 << 20) + 5)]
    [InlineData(40 << 20, 4097, (33 << 20) + 3)]
    public void Run_AnyPart_BringsItIn(int fileLength, int offset, int length)
    {
        using TemporaryDirectory directory = new();
        string path = directory["weights.bin"];
        File.WriteAllBytes(path, new byte[fileLength]);
        using MappedFile file = MappedFile.Open(path);
        FilePrefault.Run(file, offset, length);
        if (OperatingSystem.IsLinux() && length > 0)
            Assert.InRange(Mapping.ResidentBytes(path), length, fileLength + Environment.SystemPageSize);
    }

    [Fact]
    public void Run_PartLeavesTheFile_Throws()
    {
        using TemporaryDirectory directory = new();
        string path = directory["weights.bin"];
        File.WriteAllBytes(path, new byte[100]);
        using MappedFile file = MappedFile.Open(path);
        Assert.Throws<ArgumentOutOfRangeException>(() => FilePrefault.Run(file, 50, 51));
    }
}
