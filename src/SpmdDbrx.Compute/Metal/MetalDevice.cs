namespace SpmdDbrx.Compute.Metal;

/// <summary>The Apple GPU: kernels in native/metal, driven through the Objective-C runtime. On Linux the same code drives the emulator.</summary>
/// <remarks>Operations are encoded into a command buffer; <see cref="Commit"/> starts it, <see cref="Wait"/> polls until it has
/// run. Between the two the next command buffer is encoded, to be committed the moment an all-reduce returns. Not safe for
/// several threads.</remarks>
public sealed unsafe partial class MetalDevice : IDevice
{
    /// <summary>Apple silicon's page; every wrapped range starts at a multiple of it.</summary>
    public const int PageBytes = 16 * 1024;

    private const nuint SharedUntracked = 1 << 8;
    private const nint FamilyWithBFloat16 = 1006;

    private readonly nint device;
    private readonly MetalOptions options;
    private readonly CommandStream stream;
    private readonly KernelLibrary library;
    private readonly GpuMemory memory;
    private readonly ResidencySets? residency;
    private readonly ResidencyHeartbeat? heartbeat;
    private UploadArena encodingUploads;
    private UploadArena runningUploads;
    private bool disposed;

    /// <param name="options">Null: the defaults.</param>
    /// <exception cref="MetalException">There is no GPU that can run the kernels.</exception>
    public MetalDevice(MetalOptions? options = null)
    {
        this.options = options ?? new MetalOptions();
        if (!OperatingSystem.IsMacOS())
            MetalRuntimeLocator.RequireEmulator();
        else if (!OperatingSystem.IsMacOSVersionAtLeast(14))
            throw new MetalException($"metal: macOS {Environment.OSVersion.Version}: the kernels need Metal 3.1, which came with macOS 14");
        device = ObjectiveC.SystemDefaultDevice();
        if (device == 0)
            throw new MetalException("metal: the system has no Metal device (a session without a GPU, or a virtual machine)");
        if (!Message.Boolean(device, Selectors.SupportsFamily, FamilyWithBFloat16))
            throw new MetalException("metal: this GPU is older than Apple6 (A13, M1) and cannot compute on bfloat16");
        using (AutoreleasePool.Begin())
            Description = Message.Text(device, Selectors.Name);
        EmulatedTime = EmulatorClock.TryOpen();
        memory = new GpuMemory(device, EmulatedTime?.HostMemoryBytes ?? GC.GetGCMemoryInfo().TotalAvailableMemoryBytes);
        library = new KernelLibrary(device);
        stream = new CommandStream(device, this.options.Deadline);
        if (this.options.UseResidencySets && ResidencySets.AreSupported(device))
        {
            residency = new ResidencySets(device, stream.Queue, memory.WorkingSetBytes);
            heartbeat = new ResidencyHeartbeat(residency, Time);
        }
        encodingUploads = new UploadArena(this, this.options.UploadBytes);
        runningUploads = new UploadArena(this, this.options.UploadBytes);
        CreateKernels();
    }

    /// <summary>Whether a device can be opened here: on macOS always, elsewhere where the emulator has been built.</summary>
    public static bool IsAvailable => OperatingSystem.IsMacOS() || MetalRuntimeLocator.FindEmulator() is not null;

    public string Name => "metal";

    public string Description { get; }

    /// <summary>Bytes the GPU can use without paging.</summary>
    public long WorkingSetBytes => memory.WorkingSetBytes;

    /// <summary>The longest MTLBuffer; longer files are wrapped by several.</summary>
    public long MaxBufferBytes => memory.MaxBufferLength;

    /// <summary>Whether residency sets keep the weights wired; when not, router-aided loading and standby must.</summary>
    public bool KeepsWeightsWired => residency is not null;

    /// <summary>Whether this is the emulator: results are real, times are a model's.</summary>
    public bool IsEmulated => EmulatedTime is not null;

    /// <summary>The clock of the device: the system's, or the emulator's virtual one.</summary>
    public TimeProvider Time => EmulatedTime ?? TimeProvider.System;

    /// <summary>The emulator's virtual clock; null on a GPU.</summary>
    internal EmulatorClock? EmulatedTime { get; }

    /// <summary>All memory of the machine, bytes.</summary>
    public long HostMemoryBytes => memory.HostBytes;

    /// <summary>", or run: …" with the value of iogpu.wired_limit_mb that lets the GPU wire so many bytes; empty where the machine has too little memory for it.</summary>
    /// <param name="bytes">What all ranks of the machine need.</param>
    /// <param name="hostMemoryBytes">The machine's memory.</param>
    public static string WiredLimitRemedy(long bytes, long hostMemoryBytes) => GpuMemory.WiredLimitRemedy(bytes, hostMemoryBytes);

    /// <inheritdoc/>
    /// <remarks>The working set follows <c>iogpu.wired_limit_mb</c>, which the message names with the value to set.</remarks>
    public void RequireMemory(long byteLength, string what) => memory.Require(byteLength, what);

    public void RequireExperts(ReadOnlySpan<ExpertWeights> experts)
    {
        foreach (ExpertWeights expert in experts)
        {
            if (expert.W1.Type != expert.V1.Type)
                throw new NotSupportedException($"metal: an expert's w1 ({expert.W1.Type}) and v1 ({expert.V1.Type}) must have one element type");
        }
    }

    public int SharedBatch => 0;

    public int SharedAssignments => 0;

    public long SharedExpertBytes(in ExpertWeights expert) => throw CannotShare();

    public long SharedProductBytes(in WeightMatrix weight, int tokens) => throw CannotShare();

    public long SharedAttentionBytes(AttentionShape shape, int tokens, int capacity) => throw CannotShare();

    public void Share(SharedWorkspace? workspace)
    {
        if (workspace is not null)
            throw CannotShare();
    }

    public void MultiplyTogether(Activations input, in WeightMatrix weight, Activations output) => throw CannotShare();

    public void AttendTogether(Activations qkv, AttentionShape shape, KvCache cache, int layer, int position, Activations output) => throw CannotShare();

    public DeviceBuffer Allocate(long byteLength)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(byteLength);
        long bytes = Math.Max(byteLength, 1);
        memory.Require(bytes, $"a buffer of {bytes} bytes");
        nint buffer = Message.Object(device, Selectors.NewBufferWithLength, (nuint)bytes, SharedUntracked);
        if (buffer == 0)
            throw new InsufficientMemoryException($"metal: no buffer of {bytes} bytes (the longest has {memory.MaxBufferLength})");
        byte* contents = (byte*)Message.Object(buffer, Selectors.Contents);
        return Adopt(contents, bytes, [buffer], bytes, file: null);
    }

    public DeviceBuffer Wrap(MappedFile file, long byteOffset, long byteLength)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentOutOfRangeException.ThrowIfNegative(byteOffset);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(byteLength);
        if (byteOffset % PageBytes != 0)
            throw new ArgumentException($"{file.Path}: offset {byteOffset} is not a multiple of {PageBytes}", nameof(byteOffset));
        if (byteOffset + byteLength > file.Length)
            throw new ArgumentException($"{file.Path}: bytes {byteOffset} … {byteOffset + byteLength} end after the file's {file.Length}", nameof(byteLength));
        memory.Require(byteLength, file.Path);
        byte* start = file.Pointer + byteOffset;
        long pages = (byteLength + PageBytes - 1) / PageBytes * PageBytes;
        if (pages <= memory.MaxBufferLength)
            return Adopt(start, byteLength, [WrapWindow(start, pages, file.Path)], pages, file);
        long step = memory.MaxBufferLength / 2 / PageBytes * PageBytes;
        List<nint> windows = [];
        for (long first = 0; windows.Count == 0 || first + step < pages; first += step)
            windows.Add(WrapWindow(start + first, Math.Min(2 * step, pages - first), file.Path));
        return Adopt(start, byteLength, [.. windows], step, file);
    }

    public void Complete()
    {
        Commit();
        Wait();
    }

    public bool EncodesAhead => true;

    public void Commit()
    {
        // The previous command buffer has ended once Commit returns, so its uploads are free.
        if (!stream.Commit())
            return;
        (encodingUploads, runningUploads) = (runningUploads, encodingUploads);
        encodingUploads.Clear();
        heartbeat?.Worked();
    }

    /// <inheritdoc/>
    /// <exception cref="MetalException">The GPU failed or missed the deadline.</exception>
    public void Wait()
    {
        stream.Wait();
        if (!stream.IsBusy)
            TrimScratch();
        EmulatedTime?.FireDueTimers();
    }

    /// <summary>Leaves the device idle for a while, on its own clock.</summary>
    public void Sleep(TimeSpan duration)
    {
        if (EmulatedTime is { } clock)
            clock.Advance(duration);
        else
            Thread.Sleep(duration);
    }

    public void Dispose()
    {
        if (disposed)
            return;
        disposed = true;
        heartbeat?.Dispose();
        if (!HasComeToRest())
            return; // what the GPU may still use ends with the process
        residency?.Dispose();
        stream.Dispose();
        encodingUploads.Dispose();
        runningUploads.Dispose();
        DisposeScratch();
        library.Dispose();
        Message.Void(device, Selectors.Release);
    }

    /// <summary>Gives a buffer's MTLBuffers back once nothing uses them.</summary>
    internal void Release(MetalBuffer buffer, ReadOnlySpan<nint> windows)
    {
        if (!disposed && stream.IsBusy && !stream.HasHung)
            Complete();
        if (stream.HasHung)
        {
            buffer.Abandon();
            return;
        }
        if (buffer.TakeOwnership())
        {
            memory.Subtract(buffer.ByteLength);
            foreach (nint window in windows)
            {
                residency?.Remove(window);
                Message.Void(window, Selectors.Release);
            }
        }
    }

    private static NotSupportedException CannotShare() => new("metal: ranks cannot work on a token together; each runs what is assigned to it");

    private bool HasComeToRest()
    {
        try
        {
            // Until the GPU has worked once, the driver keeps wired what residency sets give up (ggml-org/llama.cpp #26082).
            if (!stream.HasWorked && residency is { IsEmpty: false })
            {
                using DeviceBuffer dummy = Allocate(1);
                Touch(dummy);
            }
            stream.Wait();
        }
        catch (MetalException)
        {
            // Nobody waits for these results any more.
        }
        return !stream.HasHung;
    }

    private nint WrapWindow(byte* start, long byteLength, string path)
    {
        nint buffer = Message.Object(device, Selectors.NewBufferWithBytesNoCopy, start, (nuint)byteLength, SharedUntracked, 0);
        return buffer != 0
            ? buffer
            : throw new InsufficientMemoryException($"metal: {path}: the GPU cannot wrap {byteLength} bytes (the longest buffer has {memory.MaxBufferLength})");
    }

    private MetalBuffer Adopt(byte* pointer, long byteLength, nint[] windows, long windowStep, MappedFile? file)
    {
        memory.Add(byteLength);
        MetalBuffer buffer = new(this, pointer, byteLength, windows, windowStep, file);
        if (residency is not null)
        {
            foreach (nint window in windows)
                residency.Add(window, Math.Min(byteLength, 2 * windowStep));
        }
        return buffer;
    }
}
