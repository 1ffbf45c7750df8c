using SpmdDbrx.Compute;
using SpmdDbrx.Compute.Metal;
using Xunit;

namespace SpmdDbrx.Tests.Compute.Metal;

/// <summary>Files wrapped without a copy, split buffers, limits of memory, and what residency sets wire.</summary>
[Collection(MetalCollection.Name)]
public sealed class MetalMemoryTests
{
    [SkippableFact]
    public void Wrap_FileLongerThanTheLongestBuffer_ComputesAcrossTheSplits()
    {
        using EmulatorOption limit = new("maxBufferLength", 64 * 1024);
        using DeviceFixture fixture = new(MetalCollection.Open(new MetalOptions { UploadBytes = 16 * 1024 }));
        const int Rows = 20, Columns = 257, Matrices = 40;
        const long Stride = 16 * 1024;
        string path = Path.GetTempFileName();
        try
        {
            byte[] bytes = new byte[Matrices * Stride];
            new Random(5).NextBytes(bytes);
            for (int i = 1; i < bytes.Length; i += 2)
                bytes[i] = (byte)((bytes[i] & 0x80) | 0x3E);  // bfloat16 of a magnitude between 0.1 and 0.5
            File.WriteAllBytes(path, bytes);
            using MappedFile file = MappedFile.Open(path);
            DeviceBuffer wrapped = fixture.Own(fixture.Device.Wrap(file, 0, file.Length));
            Activations input = fixture.Activations(1, Columns);
            for (int index = 0; index < Matrices; index++)
            {
                WeightMatrix matrix = new(wrapped, index * Stride, Rows, Columns, 2 * Columns, ElementType.BFloat16);
                Activations output = fixture.Activations(1, Rows);
                fixture.Device.Multiply(input, matrix, output);
                fixture.Device.Complete();
                DeviceFixture.AssertClose(Reference.Multiply(DeviceFixture.Read(input), DeviceFixture.Read(matrix)), output, 2e-5);
            }
            Assert.True(fixture.Device.Touch(wrapped) > 0);
            // Across the starts of several MTLBuffers, from within one of them.
            Assert.True(fixture.Device.Touch(wrapped, Stride / 2, (Matrices - 1) * Stride) > 0);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [SkippableFact]
    public void Multiply_MatrixThatNoWindowOfASplitBufferHolds_SaysHowLongItMayBe()
    {
        using EmulatorOption limit = new("maxBufferLength", 64 * 1024);
        using DeviceFixture fixture = new(MetalCollection.Open(new MetalOptions { UploadBytes = 16 * 1024 }));
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(path, new byte[160 * 1024]);
            using MappedFile file = MappedFile.Open(path);
            DeviceBuffer wrapped = fixture.Own(fixture.Device.Wrap(file, 0, file.Length));
            Activations input = fixture.Activations(1, 1024), output = fixture.Activations(1, 17);
            // Windows of 64 KiB start every 32 KiB: 34 KiB from byte 30 Ki on end with a window, a row further on they do not.
            WeightMatrix matrix = new(wrapped, 30 * 1024, 17, 1024, 2048, ElementType.BFloat16);
            fixture.Device.Multiply(input, matrix, output);
            fixture.Device.Complete();
            MetalException error = Assert.Throws<MetalException>(() => fixture.Device.Multiply(input, matrix with { ByteOffset = 31 * 1024 }, output));
            Assert.Equal("metal: one matrix takes 34816 bytes, this GPU's buffers 65536: a matrix must fit half a buffer", error.Message);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [SkippableFact]
    public void Wrap_OffsetNotAMultipleOfAPage_NamesFileAndOffset()
    {
        using MetalDevice device = MetalCollection.Open();
        using MappedFile file = MappedFile.Open(RepositoryPaths.Golden("tiny-dbrx.golden.bin"));
        ArgumentException error = Assert.Throws<ArgumentException>(() => device.Wrap(file, 4096, 100));
        Assert.Contains("tiny-dbrx.golden.bin: offset 4096 is not a multiple of 16384", error.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => device.Wrap(file, 0, file.Length + 1));
    }

    [SkippableFact]
    public void RequireMemory_BeyondTheWorkingSet_NamesTheLimitAndTheNumber()
    {
        using EmulatorOption limit = new("recommendedMaxWorkingSetSize", 96L << 30);
        using MetalDevice device = MetalCollection.Open();
        device.RequireMemory(90L << 30, "this rank's slice");
        InsufficientMemoryException error = Assert.Throws<InsufficientMemoryException>(() => device.RequireMemory(100L << 30, "this rank's slice"));
        Assert.Contains("this rank's slice needs 102400 MiB", error.Message, StringComparison.Ordinal);
        Assert.Contains("may wire 98304 MiB", error.Message, StringComparison.Ordinal);
        Assert.EndsWith("; use more ranks, one a machine, or run: sudo sysctl iogpu.wired_limit_mb=102400", error.Message, StringComparison.Ordinal);
        Assert.Throws<InsufficientMemoryException>(() => device.Allocate(97L << 30));
    }

    [SkippableTheory]
    [InlineData(96, false)]
    [InlineData(107, false)]  // the system needs a sixteenth for itself
    [InlineData(108, true)]
    public void RequireMemory_OfMoreThanTheMachineCanSpare_OffersNoLimit(long hostGibibytes, bool offered)
    {
        using EmulatorOption limit = new("recommendedMaxWorkingSetSize", 96L << 30);
        using EmulatorOption host = new("hostMemoryBytes", hostGibibytes << 30);
        using MetalDevice device = MetalCollection.Open();
        InsufficientMemoryException error = Assert.Throws<InsufficientMemoryException>(() => device.RequireMemory((100L << 30) + 1, "this rank's slice"));
        Assert.EndsWith(offered ? "one a machine, or run: sudo sysctl iogpu.wired_limit_mb=103424" : "use more ranks, one a machine", error.Message, StringComparison.Ordinal);
    }

    [SkippableTheory]
    [InlineData(true, "dc")]
    [InlineData(false, "")]
    public void Dispose_WeightsThatNothingHasUsed_WorksOnceSoThatTheyAreUnwired(bool residencySets, string expected)
    {
        using EmulatorOption journal = new("journal", 1);
        MetalDevice device = MetalCollection.Open(new MetalOptions { UseResidencySets = residencySets });
        EmulatorClock emulator = device.EmulatedTime!;
        using (DeviceBuffer weights = device.Allocate(64))
            emulator.TakeJournal();
        device.Dispose();
        Assert.Equal(expected, emulator.TakeJournal());  // a dispatch, committed
    }

    [SkippableFact]
    public void Allocate_InResidencySets_IsWiredAtOnce()
    {
        using MetalDevice device = MetalCollection.Open();
        Skip.If(device.EmulatedTime is null, "only the emulator counts what is wired");
        using DeviceBuffer sums = device.Allocate(64);
        for (int arena = 0; arena < 2; arena++)
            device.Touch(sums);
        long before = device.EmulatedTime!.Wirings;
        using DeviceBuffer weights = device.Allocate(64);
        Assert.Equal(before + 1, device.EmulatedTime.Wirings);
        device.Touch(weights);
        Assert.Equal(before + 1, device.EmulatedTime.Wirings);
    }
}
