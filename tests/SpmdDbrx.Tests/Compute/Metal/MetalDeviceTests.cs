using SpmdDbrx.Compute;
using SpmdDbrx.Compute.Metal;
using Xunit;

namespace SpmdDbrx.Tests.Compute.Metal;

/// <summary>What the Metal device adds to the contract: splitting, limits, deadlines, hand-over, and what it must not do.</summary>
[Collection(MetalCollection.Name)]
public sealed class MetalDeviceTests
{
    [SkippableTheory]
    [InlineData(ElementType.Float32)]
    [InlineData(ElementType.Float16)]
    [InlineData(ElementType.BFloat16)]
    public void RmsNorm_OddColumns_MatchesReference(ElementType type)
    {
        MetalDevice device = Open();
        using DeviceFixture fixture = new(device);
        foreach (int columns in new[] { 1, 33, 1000, 6144 })
        {
            Activations input = fixture.Activations(2, columns), output = fixture.Activations(2, columns);
            WeightMatrix weight = fixture.Weights(1, columns, type);
            device.RmsNorm(input, weight, 1e-6f, output);
            device.Complete();
            double[,] x = DeviceFixture.Read(input), w = DeviceFixture.Read(weight), expected = new double[2, columns];
            for (int row = 0; row < 2; row++)
            {
                double squares = 0;
                for (int column = 0; column < columns; column++)
                    squares += x[row, column] * x[row, column] / columns;
                for (int column = 0; column < columns; column++)
                    expected[row, column] = x[row, column] / Math.Sqrt(squares + 1e-6) * w[0, column];
            }
            DeviceFixture.AssertClose(expected, output, 2e-5);
        }
    }

    [SkippableFact]
    public void Wrap_FileLongerThanTheLongestBuffer_ComputesAcrossTheSplits()
    {
        using EmulatorOption limit = new("maxBufferLength", 64 * 1024);
        using DeviceFixture fixture = new(Open(new MetalOptions { UploadBytes = 16 * 1024 }));
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
        using DeviceFixture fixture = new(Open(new MetalOptions { UploadBytes = 16 * 1024 }));
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
        using MetalDevice device = Open();
        using MappedFile file = MappedFile.Open(RepositoryPaths.Golden("tiny-dbrx.golden.bin"));
        ArgumentException error = Assert.Throws<ArgumentException>(() => device.Wrap(file, 4096, 100));
        Assert.Contains("tiny-dbrx.golden.bin: offset 4096 is not a multiple of 16384", error.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => device.Wrap(file, 0, file.Length + 1));
    }

    [SkippableFact]
    public void RequireMemory_BeyondTheWorkingSet_NamesTheLimitAndTheNumber()
    {
        using EmulatorOption limit = new("recommendedMaxWorkingSetSize", 96L << 30);
        using MetalDevice device = Open();
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
        using MetalDevice device = Open();
        InsufficientMemoryException error = Assert.Throws<InsufficientMemoryException>(() => device.RequireMemory((100L << 30) + 1, "this rank's slice"));
        Assert.EndsWith(offered ? "one a machine, or run: sudo sysctl iogpu.wired_limit_mb=103424" : "use more ranks, one a machine", error.Message, StringComparison.Ordinal);
    }

    [SkippableFact]
    public void Complete_CommandBufferThatNeverEnds_NamesTheOperation()
    {
        using EmulatorOption stall = new("stalledCommandBuffers", 0);
        using MetalDevice device = Open(new MetalOptions { Deadline = TimeSpan.FromMilliseconds(200) });
        DeviceBuffer buffer = device.Allocate(64);
        Activations row = new(buffer, 0, 1, 16);
        EmulatorOption.Set("stalledCommandBuffers", 1);
        device.Add(row, row);
        MetalException error = Assert.Throws<MetalException>(device.Complete);
        Assert.Contains("did not finish 'Add' within 0.2 s (--gpu-deadline)", error.Message, StringComparison.Ordinal);
    }

    [SkippableFact]
    public void Dispose_AfterACommandBufferThatNeverEnds_KeepsWhatTheGpuMayStillUse()
    {
        using EmulatorOption stall = new("stalledCommandBuffers", 0);
        string path = Path.GetTempFileName();
        File.WriteAllBytes(path, new byte[MetalDevice.PageBytes]);
        try
        {
            Assert.False(IsMappedAfterDispose(path, stalled: 0));
            Assert.True(IsMappedAfterDispose(path, stalled: 1));
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static bool IsMappedAfterDispose(string path, int stalled)
    {
        using MetalDevice device = Open(new MetalOptions { Deadline = TimeSpan.FromMilliseconds(100) });
        using (MappedFile file = MappedFile.Open(path))
        using (DeviceBuffer wrapped = device.Wrap(file, 0, file.Length))
        using (DeviceBuffer sums = device.Allocate(16 * sizeof(float)))
        {
            EmulatorOption.Set("stalledCommandBuffers", stalled);
            device.Add(new Activations(sums, 0, 1, 16), new Activations(wrapped, 0, 1, 16));
            if (stalled == 0)
                device.Complete();
            else
                Assert.Throws<MetalException>(device.Complete);
        }
        return File.ReadLines("/proc/self/maps").Any(line => line.EndsWith(path, StringComparison.Ordinal));
    }

    [SkippableFact]
    public void Complete_FailingCommandBuffer_SaysWhatTheGpuSaid()
    {
        using EmulatorOption failure = new("failingCommandBuffers", 0);
        using DeviceFixture fixture = new(Open());
        Activations row = fixture.Activations(1, 16);
        EmulatorOption.Set("failingCommandBuffers", 1);
        fixture.Device.Add(row, row);
        MetalException error = Assert.Throws<MetalException>(fixture.Device.Complete);
        Assert.Contains("failed in or before 'Add': Caused GPU Hang Error", error.Message, StringComparison.Ordinal);
    }

    [SkippableFact]
    public void Open_OlderSystems_FallBackOrSayWhy()
    {
        using (new EmulatorOption("residencySets", 0))
        {
            using MetalDevice device = Open();
            Assert.False(device.KeepsWeightsWired);
        }
        using (new EmulatorOption("gpuFamily", 1005))
        {
            MetalException error = Assert.Throws<MetalException>(() => new MetalDevice());
            Assert.Contains("older than Apple6", error.Message, StringComparison.Ordinal);
        }
        using MetalDevice current = Open();
        Assert.True(current.KeepsWeightsWired);
    }

    [SkippableFact]
    public void Commit_NextLayerEncodedAhead_SeesWhatTheHostWroteInBetween()
    {
        MetalDevice device = Open();
        using DeviceFixture fixture = new(device);
        Activations sum = fixture.Activations(1, 64), hidden = fixture.Activations(1, 64), first = fixture.Activations(1, 64);
        float[] before = hidden.Values.ToArray(), addend = first.Values.ToArray();
        sum.Values.Fill(1);
        device.Add(sum, first);
        device.Commit();
        device.Add(hidden, sum);  // the next layer, encoded while this one runs
        device.Wait();
        float[] partial = sum.Values.ToArray();
        for (int i = 0; i < partial.Length; i++)
            sum.Values[i] *= 2;   // what an all-reduce over two equal ranks would leave
        device.Complete();
        for (int i = 0; i < partial.Length; i++)
        {
            Assert.Equal(1 + addend[i], partial[i]);
            Assert.Equal(before[i] + (2 * partial[i]), hidden.Values[i]);
        }
    }

    [SkippableTheory]
    [InlineData(LaneOrder.Forward, new float[] { 1, 2, 3, 4, 5, 6 })]
    [InlineData(LaneOrder.Reverse, new float[] { 1, 2, 2, 2, 2, 2 })]
    public void Add_TargetOneElementBehindTheAddend_ShowsTheLaneOrder(LaneOrder order, float[] expected)
    {
        using EmulatorOption laneOrder = new("laneOrder", (long)order);
        MetalDevice device = Open();
        using DeviceFixture fixture = new(device);
        DeviceBuffer buffer = fixture.Own(device.Allocate(6 * sizeof(float)));
        buffer.Span<float>(0, 6).Fill(1);
        device.Add(new Activations(buffer, sizeof(float), 1, 5), new Activations(buffer, 0, 1, 5));
        device.Complete();
        Assert.Equal(expected, buffer.Span<float>(0, 6).ToArray());
    }

    [SkippableFact]
    public void Multiply_BufferOfAnotherDevice_IsRefused()
    {
        using DeviceFixture fixture = new(Open());
        using CpuDevice cpu = new(1);
        using DeviceBuffer foreign = cpu.Allocate(64);
        Activations row = fixture.Activations(1, 16);
        Assert.Throws<ArgumentException>(() => fixture.Device.Add(row, new Activations(foreign, 0, 1, 16)));
    }

    [SkippableFact]
    public void Decode_AfterTheFirstToken_AllocatesNothing()
    {
        MetalDevice device = Open();
        using DeviceFixture fixture = new(device);
        Action token = TinyToken(fixture);
        for (int i = 0; i < 50; i++)
            token();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 10; i++)
            token();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [SkippableFact]
    public void Dispose_AfterWork_LeavesNoObject()
    {
        MetalDevice first = Open();
        Skip.If(first.EmulatedTime is null, "only the emulator counts its objects");
        EmulatorClock emulator = first.EmulatedTime!;
        first.Dispose();
        long before = emulator.LiveObjects;
        using (DeviceFixture fixture = new(new MetalDevice()))
        {
            Action token = TinyToken(fixture);
            for (int i = 0; i < 3; i++)
                token();
        }
        // The queue's thread gives its last command buffer back a moment after it has signalled.
        SpinWait.SpinUntil(() => emulator.LiveObjects == before, TimeSpan.FromSeconds(10));
        Assert.Equal(before, emulator.LiveObjects);
    }

    [SkippableTheory]
    [InlineData(true, "dc")]
    [InlineData(false, "")]
    public void Dispose_WeightsThatNothingHasUsed_WorksOnceSoThatTheyAreUnwired(bool residencySets, string expected)
    {
        using EmulatorOption journal = new("journal", 1);
        MetalDevice device = Open(new MetalOptions { UseResidencySets = residencySets });
        EmulatorClock emulator = device.EmulatedTime!;
        using (DeviceBuffer weights = device.Allocate(64))
            emulator.TakeJournal();
        device.Dispose();
        Assert.Equal(expected, emulator.TakeJournal());  // a dispatch, committed
    }

    [SkippableFact]
    public void Allocate_InResidencySets_IsWiredAtOnce()
    {
        using MetalDevice device = Open();
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

    private static MetalDevice Open(MetalOptions? options = null)
    {
        MetalCollection.Require();
        return new MetalDevice(options);
    }

    /// <summary>One token of a model of one layer, every operation of a decode step.</summary>
    private static Action TinyToken(DeviceFixture fixture)
    {
        IDevice device = fixture.Device;
        AttentionShape shape = new(2, 1, 16, Clip: 8);
        KvCache cache = fixture.Own(new KvCache(device, 1, shape, 8));
        RotaryTable rotary = fixture.Own(new RotaryTable(device, 16, 10_000, 8));
        Routing routing = fixture.Own(new Routing(device, 1, 2));
        WeightMatrix norm = fixture.Weights(1, 32, ElementType.BFloat16), qkv = fixture.Weights(64, 32, ElementType.BFloat16, 0.1f);
        WeightMatrix table = fixture.Weights(9, 32, ElementType.BFloat16), router = fixture.Weights(4, 32, ElementType.BFloat16);
        ExpertWeights[] experts = [fixture.Expert(24, 32, ElementType.BFloat16, true), fixture.Expert(24, 32, ElementType.BFloat16, true)];
        Activations hidden = fixture.Activations(1, 32), normed = fixture.Activations(1, 32), projected = fixture.Activations(1, 64);
        Activations attended = fixture.Activations(1, 32), logits = fixture.Activations(1, 4), summed = fixture.Activations(1, 32);
        ExpertAssignments assignments = new(2, 2);
        int[] tokens = [3];
        return () =>
        {
            device.Embed(table, tokens, hidden);
            device.LayerNorm(hidden, norm, 1e-5f, normed);
            device.Multiply(normed, qkv, projected);
            device.RotateAndStore(projected, shape, rotary, cache, 0, 5);
            device.Attend(projected, shape, cache, 0, 5, attended);
            device.Add(hidden, attended);
            device.Multiply(hidden, router, logits);
            device.Route(logits, 1f, routing);
            device.Complete();
            assignments.Clear();
            for (int slot = 0; slot < 2; slot++)
            {
                assignments.BeginExpert(slot);
                assignments.Add(0, 0, routing.Weights[slot]);
            }
            device.RunExperts(experts, assignments, normed, summed);
            device.Complete();
        };
    }
}
