namespace SpmdDbrx.Compute.Metal;

/// <summary>Remembers what was read and written since the last barrier, to put a barrier only where one is needed.</summary>
/// <remarks>The encoder is concurrent and resources are untracked: without a barrier two dispatches may run in any order.</remarks>
internal sealed unsafe class HazardTracker
{
    private readonly List<(nint Start, nint End, bool Written)> ranges = [];

    /// <summary>Whether a dispatch must wait for those before it: it reads what one wrote, or writes what one read or wrote.</summary>
    public bool Conflicts(ReadOnlySpan<Binding> bindings)
    {
        foreach (Binding binding in bindings)
        {
            (nint start, nint end) = Range(binding);
            foreach ((nint otherStart, nint otherEnd, bool otherWritten) in ranges)
            {
                if (start < otherEnd && otherStart < end && (binding.Written || otherWritten))
                    return true;
            }
        }
        return false;
    }

    public void Add(ReadOnlySpan<Binding> bindings)
    {
        foreach (Binding binding in bindings)
        {
            (nint start, nint end) = Range(binding);
            ranges.Add((start, end, binding.Written));
        }
    }

    /// <summary>Forgets everything: a barrier was encoded, or everything has run.</summary>
    public void Clear() => ranges.Clear();

    private static (nint Start, nint End) Range(in Binding binding)
    {
        nint start = (nint)binding.Buffer.Pointer + (nint)binding.ByteOffset;
        return (start, start + (nint)binding.ByteLength);
    }
}
