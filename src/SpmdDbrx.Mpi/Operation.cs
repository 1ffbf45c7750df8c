namespace SpmdDbrx.Mpi;

/// <summary>Reductions, with MPI.NET's names.</summary>
/// <typeparam name="T">Element type.</typeparam>
public sealed class Operation<T> where T : unmanaged
{
    private Operation(ReductionKind kind) => Kind = kind;

    /// <summary>Sum of all ranks' values.</summary>
    public static Operation<T> Add { get; } = new(ReductionKind.Add);

    /// <summary>Largest of all ranks' values.</summary>
    public static Operation<T> Max { get; } = new(ReductionKind.Max);

    /// <summary>Smallest of all ranks' values.</summary>
    public static Operation<T> Min { get; } = new(ReductionKind.Min);

    internal ReductionKind Kind { get; }
}

internal enum ReductionKind
{
    Add = 0,
    Max = 1,
    Min = 2,
}
