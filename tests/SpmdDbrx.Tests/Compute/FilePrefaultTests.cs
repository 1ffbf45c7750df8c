using SpmdDbrx.Compute;
using Xunit;

namespace SpmdDbrx.Tests.Compute;

public class FilePrefaultTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData((16 << 20) + 5)]
    [InlineData(40 << 20)]
    public void Run_AnyLength_ReportsEveryByteOnce(int length)
    {
        using TemporaryDirectory directory = new();
        string path = directory["weights.bin"];
        File.WriteAllBytes(path, new byte[length]);
        using MappedFile file = MappedFile.Open(path);
        long reported = 0;
        FilePrefault.Run(file, bytes => reported += bytes);
        Assert.Equal(length, reported);
    }
}
