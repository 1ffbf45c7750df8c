namespace SpmdDbrx.Compute.Metal;

/// <summary>MTLResidencySets: buffers that the driver keeps wired while requests keep coming (macOS 15).</summary>
/// <remarks>Decisions are per set, so one set stays small: at most 32 sets of 5 % of the working set each, at least 64 MiB;
/// a buffer larger than that has a set of its own.</remarks>
internal sealed class ResidencySets : IDisposable
{
    private const int MostSets = 32;
    private const long SmallestSetBytes = 64 << 20;

    private readonly nint device;
    private readonly nint queue;
    private readonly long setBytes;
    private readonly List<(nint Set, long Bytes)> sets = [];
    private readonly Dictionary<nint, (int Set, long Bytes)> members = [];
    private readonly Lock gate = new();

    public ResidencySets(nint device, nint queue, long workingSetBytes)
    {
        this.device = device;
        this.queue = queue;
        setBytes = Math.Max(SmallestSetBytes, workingSetBytes / 20);
    }

    /// <summary>Whether the system has them.</summary>
    public static bool AreSupported(nint device) => Message.Boolean(device, Selectors.RespondsToSelector, Selectors.NewResidencySet);

    /// <summary>Whether no buffer was ever added.</summary>
    public bool IsEmpty => sets.Count == 0;

    /// <summary>Adds an MTLBuffer and asks for residency.</summary>
    public void Add(nint buffer, long byteLength)
    {
        lock (gate)
        {
            int index = FindRoom(byteLength);
            (nint set, long bytes) = sets[index];
            Message.Void(set, Selectors.AddAllocation, buffer);
            Message.Void(set, Selectors.Commit);
            Message.Void(set, Selectors.RequestResidency);
            sets[index] = (set, bytes + byteLength);
            members[buffer] = (index, byteLength);
        }
    }

    /// <summary>Takes an MTLBuffer out of its set.</summary>
    public void Remove(nint buffer)
    {
        lock (gate)
        {
            if (!members.Remove(buffer, out (int Set, long Bytes) member))
                return;
            (nint set, long bytes) = sets[member.Set];
            Message.Void(set, Selectors.RemoveAllocation, buffer);
            Message.Void(set, Selectors.Commit);
            sets[member.Set] = (set, bytes - member.Bytes);
        }
    }

    /// <summary>Asks for residency again: the heartbeat.</summary>
    public void Request()
    {
        lock (gate)
        {
            foreach ((nint set, _) in sets)
                Message.Void(set, Selectors.RequestResidency);
        }
    }

    /// <remarks>The GPU must have worked before: see <see cref="MetalDevice.Dispose"/>.</remarks>
    public void Dispose()
    {
        lock (gate)
        {
            foreach ((nint set, _) in sets)
            {
                Message.Void(set, Selectors.EndResidency);
                Message.Void(set, Selectors.Release);
            }
            sets.Clear();
            members.Clear();
        }
    }

    private int FindRoom(long byteLength)
    {
        for (int i = 0; i < sets.Count; i++)
        {
            if (sets[i].Bytes + byteLength <= setBytes)
                return i;
        }
        return sets.Count < MostSets ? NewSet() : sets.IndexOf(sets.MinBy(entry => entry.Bytes));
    }

    private int NewSet()
    {
        using AutoreleasePool pool = AutoreleasePool.Begin();
        nint descriptor = Message.Object(ObjectiveC.Class("MTLResidencySetDescriptor"), Selectors.New);
        nint set = Message.Object(device, Selectors.NewResidencySet, descriptor, out nint error);
        Message.Void(descriptor, Selectors.Release);
        if (set == 0)
            throw new MetalException($"metal: no residency set: {Message.Text(error, Selectors.LocalizedDescription)}");
        Message.Void(queue, Selectors.AddResidencySet, set);
        sets.Add((set, 0));
        return sets.Count - 1;
    }
}
