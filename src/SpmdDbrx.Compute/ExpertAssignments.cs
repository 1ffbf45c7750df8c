namespace SpmdDbrx.Compute;

/// <summary>What this rank computes in one layer: (token, expert, weight) triples grouped by expert.</summary>
/// <remarks>Filled by the engine, read by <see cref="IDevice.RunExperts"/>; allocated once for the largest batch.
/// Fill it group by group: <see cref="Clear"/>, then for every expert <see cref="BeginExpert"/> and its <see cref="Add"/> calls.</remarks>
public sealed class ExpertAssignments(int expertCapacity, int assignmentCapacity)
{
    private readonly int[] experts = new int[expertCapacity];
    private readonly int[] starts = new int[expertCapacity + 1];
    private readonly int[] inputRows = new int[assignmentCapacity];
    private readonly int[] outputRows = new int[assignmentCapacity];
    private readonly float[] weights = new float[assignmentCapacity];

    /// <summary>Experts that run.</summary>
    public int ExpertCount { get; private set; }

    /// <summary>Triples of all experts.</summary>
    public int Count => starts[ExpertCount];

    /// <summary>Index of the group's expert in the span given to <see cref="IDevice.RunExperts"/>.</summary>
    public int Expert(int group) => experts[group];

    /// <summary>First triple of a group; <c>Start(ExpertCount)</c> is the end of the last.</summary>
    public int Start(int group) => starts[group];

    /// <summary>Row of the input that each triple reads, [Count].</summary>
    public ReadOnlySpan<int> InputRows => inputRows.AsSpan(0, Count);

    /// <summary>Row of the output that each triple is added to, [Count].</summary>
    public ReadOnlySpan<int> OutputRows => outputRows.AsSpan(0, Count);

    /// <summary>What each expert's output is multiplied with before it is added, [Count].</summary>
    public ReadOnlySpan<float> Weights => weights.AsSpan(0, Count);

    /// <summary>Whether the devices that share a workspace are all given these, to divide among each other: each then writes a part of the output that is its alone, and 0
    /// elsewhere.</summary>
    public bool AreShared { get; private set; }

    /// <summary>Forgets everything.</summary>
    /// <param name="areShared">Whether what follows will be divided; only for at most <see cref="IDevice.SharedAssignments"/>, of at most
    /// <see cref="IDevice.SharedBatch"/> tokens, once <see cref="IDevice.Share"/> was called.</param>
    public void Clear(bool areShared = false)
    {
        AreShared = areShared;
        ExpertCount = 0;
        starts[0] = 0;
    }

    /// <summary>Opens a group; following <see cref="Add"/> calls belong to it.</summary>
    public void BeginExpert(int expert)
    {
        experts[ExpertCount++] = expert;
        starts[ExpertCount] = starts[ExpertCount - 1];
    }

    /// <summary>Adds one triple to the open group.</summary>
    public void Add(int inputRow, int outputRow, float weight)
    {
        int index = starts[ExpertCount]++;
        inputRows[index] = inputRow;
        outputRows[index] = outputRow;
        weights[index] = weight;
    }
}
