using System.Runtime.InteropServices;
using SpmdDbrx.Compute;
using Xunit;

namespace SpmdDbrx.Tests.Compute.Cpu;

/// <summary>CPU devices that work on a few tokens together give the bits of one alone, whichever of them was faster.</summary>
public sealed unsafe class TogetherTests
{
    private const int Columns = 256;
    private const int Neurons = 300;
    private const int Experts = 4;

    public static TheoryData<ElementType, int, int, int, int> Cases
    {
        get
        {
            TheoryData<ElementType, int, int, int, int> data = [];
            foreach (ElementType type in Enum.GetValues<ElementType>())
            {
                foreach (int vectorBits in new[] { 128, 256, 512 })
                {
                    foreach ((int tokens, int strips, int devices) in new[] { (1, 1, 2), (1, 2, 3), (3, 1, 2), (5, 2, 2) })
                        data.Add(type, vectorBits, tokens, strips, devices);
                }
            }
            return data;
        }
    }

    [Theory, MemberData(nameof(Cases))]
    public void RunExperts_Shared_EachElementComesFromOneDeviceWithTheBitsOfOneAlone(ElementType type, int vectorBits, int tokens, int strips, int devices)
    {
        float[] alone = Run(1, vectorBits, (device, layer) => layer.RunExperts(device, tokens, shared: false), type, tokens, strips)[0];
        using Barrier together = new(devices);
        float[][] parts = Run(devices, vectorBits, (device, layer) =>
        {
            layer.RunExperts(device, tokens, shared: true);
            together.SignalAndWait();
            layer.RunExperts(device, tokens, shared: true);
        }, type, tokens, strips);
        for (int index = 0; index < alone.Length; index++)
        {
            float[] written = [.. parts.Select(part => part[index]).Where(value => value != 0)];
            Assert.Equal(alone[index] == 0 ? [] : [alone[index]], written);
        }
    }

    /// <summary>Sums of several chunks, of which a thread adds those it can go on with at once.</summary>
    [Theory]
    [InlineData(128, 1)]
    [InlineData(256, 1)]
    [InlineData(512, 1)]
    [InlineData(128, 2)]
    [InlineData(256, 2)]
    [InlineData(512, 2)]
    public void RunExperts_ExpertsOfManyChunks_GiveTheBitsOfOneThreadAlone(int vectorBits, int strips)
    {
        const int ManyNeurons = 4101;
        float[] alone = RunManyChunks(devices: 1, threads: 1)[0];
        Assert.Equal(alone, RunManyChunks(devices: 1, threads: 3)[0]);
        float[][] parts = RunManyChunks(devices: 2, threads: 2);
        Assert.Equal(alone, Enumerable.Range(0, alone.Length).Select(index => parts.Sum(part => part[index])));

        float[][] RunManyChunks(int devices, int threads) => Run(
            devices, vectorBits, (device, layer) => layer.RunExperts(device, tokens: 2, shared: devices > 1), ElementType.BFloat16, tokens: 2, strips, neurons: ManyNeurons,
            threads: threads);
    }

    [Theory, MemberData(nameof(Cases))]
    public void MultiplyTogether_EveryDeviceGetsTheBitsOfOneAlone(ElementType type, int vectorBits, int tokens, int strips, int devices)
    {
        float[] alone = Run(1, vectorBits, (device, layer) => device.Multiply(layer.Input, layer.Matrix, layer.Product), type, tokens, strips, product: true)[0];
        float[][] together = Run(devices, vectorBits, (device, layer) =>
        {
            for (int round = 0; round < 2; round++)
                device.MultiplyTogether(layer.Input, layer.Matrix, layer.Product);
        }, type, tokens, strips, product: true);
        Assert.All(together, product => Assert.Equal(alone, product));
    }

    /// <summary>Which rank holds a number must not depend on who was faster: every n-th run of 512 columns of a strip is a device's.</summary>
    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public void RunExperts_ManyRunsOfColumns_EachDeviceMergesItsOwn(int devices)
    {
        const int Width = 2560, Strips = 2, Run = 512, RunsOfStrip = 3;
        DeviceFixture[] fixtures = [.. Enumerable.Range(0, devices).Select(_ => new DeviceFixture(new CpuDevice(1)))];
        ExpertWeights[][] experts = [.. fixtures.Select(fixture => new[] { fixture.Expert(64, Width, ElementType.BFloat16, Strips) })];
        Activations[] inputs = [.. fixtures.Select(fixture => fixture.Activations(1, Width))];
        Activations[] outputs = [.. fixtures.Select(fixture => fixture.Activations(1, Width))];
        using Memory memory = new(productBytes: 64, fixtures[0].Device.SharedExpertBytes(experts[0][0]));
        RunAll(devices, device =>
        {
            fixtures[device].Device.Share(memory.Workspace(device, devices));
            ExpertAssignments assignments = new(1, 1);
            assignments.Clear(areShared: true);
            assignments.BeginExpert(0);
            assignments.Add(0, 0, 1);
            fixtures[device].Device.RunExperts(experts[device], assignments, inputs[device], outputs[device]);
        });
        for (int column = 0; column < Width; column++)
        {
            (int strip, int within) = Math.DivRem(column, Width / Strips);
            int owner = ((strip * RunsOfStrip) + (within / Run)) % devices;
            Assert.All(Enumerable.Range(0, devices), device => Assert.Equal(device == owner, outputs[device].Row(0)[column] != 0));
        }
        foreach (DeviceFixture fixture in fixtures)
            fixture.Dispose();
    }

    [Fact]
    public void RunExperts_SharedExpertOfManyAssignments_IsRefused()
    {
        using DeviceFixture fixture = new(new CpuDevice(1));
        ExpertWeights[] experts = [fixture.Expert(Neurons, Columns, ElementType.BFloat16)];
        using Memory memory = new(productBytes: 64, fixture.Device.SharedExpertBytes(experts[0]));
        fixture.Device.Share(memory.Workspace(device: 0, devices: 2));
        Activations input = fixture.Activations(1, Columns), output = fixture.Activations(1, Columns);
        ExpertAssignments assignments = new(1, 16);
        assignments.Clear(areShared: true);
        assignments.BeginExpert(0);
        for (int count = 0; count < 9; count++)
            assignments.Add(0, 0, 1);
        Assert.Contains("at most 8 assignments of an expert", Assert.Throws<ArgumentException>(
            () => fixture.Device.RunExperts(experts, assignments, input, output)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(128, 1, 5)]
    [InlineData(256, 3, 700)]
    [InlineData(512, 1, 3000)]
    [InlineData(512, 8, 2990)]
    public void AttendTogether_EveryDeviceGetsTheBitsOfOneAlone(int vectorBits, int tokens, int position)
    {
        float[] alone = Attended(devices: 1)[0];
        Assert.All(Attended(devices: 2), output => Assert.Equal(alone, output));
        Assert.All(Attended(devices: 3), output => Assert.Equal(alone, output));

        float[][] Attended(int devices)
        {
            AttentionShape shape = new(HeadCount: 8, KvHeadCount: 2, HeadDim: 64, Clip: null);
            DeviceFixture[] fixtures = [.. Enumerable.Range(0, devices).Select(_ => new DeviceFixture(new CpuDevice(new CpuDeviceOptions(1), vectorBits)))];
            using Memory memory = new(fixtures[0].Device.SharedAttentionBytes(shape, tokens, 3000 + tokens), expertBytes: 64);
            float[][] outputs = new float[devices][];
            RunAll(devices, device =>
            {
                DeviceFixture fixture = fixtures[device];
                using KvCache cache = new(fixture.Device, 1, shape, 3000 + tokens);
                using RotaryTable rotary = new(fixture.Device, shape.HeadDim, 10_000, 3000 + tokens);
                fixture.Device.RotateAndStore(fixture.Activations(position, shape.QkvDim), shape, rotary, cache, 0, 0);
                Activations qkv = fixture.Activations(tokens, shape.QkvDim), output = fixture.Activations(tokens, shape.QueryDim);
                fixture.Device.RotateAndStore(qkv, shape, rotary, cache, 0, position);
                fixture.Device.Share(memory.Workspace(device, devices));
                if (devices == 1)
                    fixture.Device.Attend(qkv, shape, cache, 0, position, output);
                else
                    fixture.Device.AttendTogether(qkv, shape, cache, 0, position, output);
                outputs[device] = output.Values.ToArray();
            });
            foreach (DeviceFixture fixture in fixtures)
                fixture.Dispose();
            return outputs;
        }
    }

    [Fact]
    public void Together_WithoutWorkspaceOrWithTooLittleOrTooManyTokens_IsRefused()
    {
        using DeviceFixture fixture = new(new CpuDevice(1));
        CpuDevice device = (CpuDevice)fixture.Device;
        Layer layer = new(fixture, tokens: 9, ElementType.BFloat16, strips: 1);
        Layer small = new(fixture, tokens: 1, ElementType.BFloat16, strips: 1);
        Assert.Contains("expected a workspace", Assert.Throws<ArgumentException>(() => small.RunExperts(device, 1, shared: true)).Message, StringComparison.Ordinal);
        Assert.Contains("expected a workspace", Refusal(small), StringComparison.Ordinal);
        using Memory memory = new(productBytes: 64, expertBytes: 64);
        device.Share(memory.Workspace(device: 0, devices: 1));
        Assert.Contains("found 64", Assert.Throws<ArgumentException>(() => small.RunExperts(device, 1, shared: true)).Message, StringComparison.Ordinal);
        Assert.Contains("found 64", Refusal(small), StringComparison.Ordinal);
        Assert.Contains("at most 8 tokens", Assert.Throws<ArgumentException>(() => layer.RunExperts(device, 9, shared: true)).Message, StringComparison.Ordinal);
        Layer more = new(fixture, tokens: 6, ElementType.BFloat16, strips: 1);
        Assert.Contains("at most 16 assignments", Assert.Throws<ArgumentException>(() => more.RunExperts(device, 6, shared: true)).Message, StringComparison.Ordinal);
        Assert.Contains("at most 8 tokens", Refusal(layer), StringComparison.Ordinal);
        Assert.Throws<InvalidOperationException>(() => device.Share(memory.Workspace(device: 0, devices: 1)));
        device.Share(null);
        Assert.Contains("expected a workspace", Refusal(small), StringComparison.Ordinal);

        string Refusal(Layer of) => Assert.Throws<ArgumentException>(() => device.MultiplyTogether(of.Input, of.Matrix, of.Product)).Message;
    }

    /// <summary>What every device computed, each with the same weights and inputs.</summary>
    private static float[][] Run(int devices, int vectorBits, Action<CpuDevice, Layer> work, ElementType type, int tokens, int strips, bool product = false,
        int neurons = Neurons, int threads = 1)
    {
        DeviceFixture[] fixtures = [.. Enumerable.Range(0, devices).Select(_ => new DeviceFixture(new CpuDevice(new CpuDeviceOptions(threads), vectorBits)))];
        Layer[] layers = [.. fixtures.Select(fixture => new Layer(fixture, tokens, type, strips, neurons))];
        using Memory memory = new(
            fixtures[0].Device.SharedProductBytes(layers[0].Matrix, tokens), layers[0].Weights.Max(expert => fixtures[0].Device.SharedExpertBytes(expert)));
        for (int device = 0; device < devices; device++)
            fixtures[device].Device.Share(memory.Workspace(device, devices));
        RunAll(devices, device => work((CpuDevice)fixtures[device].Device, layers[device]));
        float[][] results = [.. layers.Select(layer => (product ? layer.Product : layer.Output).Values.ToArray())];
        foreach (DeviceFixture fixture in fixtures)
            fixture.Dispose();
        return results;
    }

    private static void RunAll(int devices, Action<int> run)
    {
        Exception?[] failures = new Exception?[devices];
        Thread[] runners = [.. Enumerable.Range(0, devices).Select(device => new Thread(() => failures[device] = Record.Exception(() => run(device))))];
        foreach (Thread runner in runners)
            runner.Start();
        foreach (Thread runner in runners)
            Assert.True(runner.Join(TimeSpan.FromMinutes(1)), "a device hangs");
        Assert.All(failures, Assert.Null);
    }

    private sealed class Layer
    {
        private readonly ExpertAssignments assignments = new(Experts, 64);

        public Layer(DeviceFixture fixture, int tokens, ElementType type, int strips, int neurons = Neurons)
        {
            Weights = [.. Enumerable.Range(0, Experts).Select(_ => fixture.Expert(neurons, Columns, type, strips))];
            Matrix = fixture.Weights(Neurons, Columns, type, scale: 0.1f, strips);
            Input = fixture.Activations(tokens, Columns);
            Output = fixture.Activations(tokens, Columns);
            Product = fixture.Activations(tokens, Neurons);
        }

        public ExpertWeights[] Weights { get; }

        public WeightMatrix Matrix { get; }

        public Activations Input { get; }

        public Activations Output { get; }

        public Activations Product { get; }

        public void RunExperts(CpuDevice device, int tokens, bool shared)
        {
            assignments.Clear(shared);
            foreach (int expert in new[] { 1, 3, 2 })
            {
                assignments.BeginExpert(expert);
                for (int token = 0; token < tokens; token++)
                    assignments.Add(token, token, 0.5f + (0.1f * expert));
            }
            device.RunExperts(Weights, assignments, Input, Output);
        }
    }

    private sealed class Memory : IDisposable
    {
        private readonly nint address;
        private readonly long productBytes;
        private readonly long expertBytes;

        public Memory(long productBytes, long expertBytes)
        {
            (this.productBytes, this.expertBytes) = (productBytes, expertBytes);
            nuint bytes = (nuint)SharedWorkspace.BytesFor(productBytes, expertBytes);
            address = (nint)NativeMemory.AlignedAlloc(bytes, 64);
            NativeMemory.Clear((void*)address, bytes);
        }

        public SharedWorkspace Workspace(int device, int devices) => new(address, productBytes, expertBytes, device, devices, () => { });

        public void Dispose() => NativeMemory.AlignedFree((void*)address);
    }
}
