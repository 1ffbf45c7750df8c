namespace SpmdDbrx.Compute.Metal;

/// <summary>Dispatches in order: encoded into one command buffer, committed, waited for.</summary>
/// <remarks>At most one command buffer runs while the next is being encoded. Nothing ever waits for a peer inside a command
/// buffer: the GPU's watchdog ends those after seconds.</remarks>
internal sealed unsafe class CommandStream : IDisposable
{
    private const nuint ConcurrentDispatch = 1;
    private const nuint BufferScope = 1;

    private readonly nint queue;
    private readonly HazardTracker hazards = new();
    private readonly CompletionEvent completion;
    private nint encoding;
    private nint encoder;
    private nint running;
    private string operation = "nothing";
    private string runningOperation = "nothing";

    public CommandStream(nint device, TimeSpan deadline)
    {
        queue = Message.Object(device, Selectors.NewCommandQueue);
        completion = new CompletionEvent(device, deadline);
    }

    /// <summary>The MTLCommandQueue, for residency sets.</summary>
    public nint Queue => queue;

    /// <summary>Whether anything is encoded or running.</summary>
    public bool IsBusy => encoding != 0 || running != 0;

    /// <summary>Whether a command buffer missed the deadline: it may still run, and nothing it uses may go.</summary>
    public bool HasHung => completion.IsLate;

    /// <summary>Whether anything has ever been committed.</summary>
    public bool HasWorked { get; private set; }

    /// <summary>Encodes one dispatch; bindings take indices 0 … n − 1, the arguments index n.</summary>
    /// <param name="name">The operation, for error messages.</param>
    /// <param name="kernel">What runs.</param>
    /// <param name="groups">Threadgroups.</param>
    /// <param name="threads">Threads of a threadgroup.</param>
    /// <param name="bindings">Buffers.</param>
    /// <param name="arguments">The kernel's constant structure.</param>
    /// <param name="threadgroupBytes">Threadgroup memory; 0 = none.</param>
    public void Dispatch<T>(
        string name, Kernel kernel, MetalSize groups, int threads, ReadOnlySpan<Binding> bindings, T arguments, int threadgroupBytes = 0)
        where T : unmanaged
    {
        Open();
        operation = name;
        if (hazards.Conflicts(bindings))
        {
            Message.Void(encoder, Selectors.MemoryBarrierWithScope, BufferScope);
            hazards.Clear();
        }
        hazards.Add(bindings);
        Message.Void(encoder, Selectors.SetComputePipelineState, kernel.Pipeline);
        nuint index = 0;
        foreach (Binding binding in bindings)
        {
            (nint buffer, long offset) = binding.Buffer.Locate(binding.ByteOffset, binding.ByteLength);
            Message.Void(encoder, Selectors.SetBuffer, buffer, (nuint)offset, index++);
        }
        Message.Void(encoder, Selectors.SetBytes, &arguments, (nuint)sizeof(T), index);
        if (threadgroupBytes > 0)
            Message.Void(encoder, Selectors.SetThreadgroupMemoryLength, (nuint)((threadgroupBytes + 15) / 16 * 16), 0);
        Message.Void(encoder, Selectors.DispatchThreadgroups, groups, MetalSize.Of(threads));
    }

    /// <summary>Starts what is encoded, once what ran before has ended.</summary>
    /// <returns>False when nothing was encoded.</returns>
    public bool Commit()
    {
        if (encoding == 0)
            return false;
        Wait();
        Message.Void(encoder, Selectors.EndEncoding);
        Message.Void(encoder, Selectors.Release);
        completion.SignalAtEndOf(encoding);
        Message.Void(encoding, Selectors.Commit);
        (running, encoding, encoder) = (encoding, 0, 0);
        HasWorked = true;
        runningOperation = operation;
        hazards.Clear();
        return true;
    }

    /// <summary>Returns when what was committed has run.</summary>
    /// <exception cref="MetalException">The GPU failed or did not finish in time; names the last operation.</exception>
    public void Wait()
    {
        if (running == 0)
            return;
        completion.Wait(running, runningOperation);
        nint ended = running;
        running = 0;
        try
        {
            CompletionEvent.ThrowIfFailed(ended, runningOperation);
        }
        finally
        {
            Message.Void(ended, Selectors.Release);
        }
    }

    /// <summary>Call when nothing is running.</summary>
    public void Dispose()
    {
        if (encoding != 0)
        {
            Message.Void(encoder, Selectors.EndEncoding);
            Message.Void(encoder, Selectors.Release);
            Message.Void(encoding, Selectors.Release);
            encoding = encoder = 0;
        }
        completion.Dispose();
        Message.Void(queue, Selectors.Release);
    }

    private void Open()
    {
        if (encoding != 0)
            return;
        using AutoreleasePool pool = AutoreleasePool.Begin();
        encoding = Message.Object(Message.Object(queue, Selectors.CommandBuffer), Selectors.Retain);
        encoder = Message.Object(Message.Object(encoding, Selectors.ComputeCommandEncoder, (nint)ConcurrentDispatch), Selectors.Retain);
    }
}
