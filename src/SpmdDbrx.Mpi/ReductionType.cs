namespace SpmdDbrx.Mpi;

/// <summary>Element types that can be reduced. The numbers are those of enum spmd_element in native/mpi/spmd_mpi.h.</summary>
internal enum ReductionType
{
    Byte = 0,
    Int32 = 1,
    Int64 = 2,
    Single = 3,
    Double = 4,
}

internal static class ReductionTypes
{
    /// <summary>The reduction type of <typeparamref name="T"/>; a constant once compiled.</summary>
    /// <exception cref="NotSupportedException">It cannot be reduced.</exception>
    public static ReductionType Of<T>() where T : unmanaged
    {
        if (typeof(T) == typeof(byte))
            return ReductionType.Byte;
        if (typeof(T) == typeof(int))
            return ReductionType.Int32;
        if (typeof(T) == typeof(long))
            return ReductionType.Int64;
        if (typeof(T) == typeof(float))
            return ReductionType.Single;
        if (typeof(T) == typeof(double))
            return ReductionType.Double;
        throw new NotSupportedException($"reduction of {typeof(T)}: only byte, int, long, float and double can be reduced");
    }
}
