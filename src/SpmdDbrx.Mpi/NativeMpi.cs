using System.Runtime.InteropServices;
using System.Text;

namespace SpmdDbrx.Mpi;

/// <summary>The functions of native/mpi/spmd_mpi.h; that header documents them. Call <see cref="MpiLibrary.Load"/> first.</summary>
internal static unsafe partial class NativeMpi
{
    private const int TextCapacity = 8192;

    private delegate int TextFunction(byte* text, int capacity);

    /// <summary>Which MPI this is, in its own words, first line.</summary>
    public static string LibraryVersion()
    {
        string version = ReadText(spmd_mpi_library_version);
        int end = version.AsSpan().IndexOfAny("\r\n,");
        return string.Join(" ", (end < 0 ? version : version[..end]).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)).Replace(" Version:", "", StringComparison.Ordinal);
    }

    /// <summary>Turns an MPI error code into an exception in MPI's own words.</summary>
    /// <exception cref="MpiException">The code is not success.</exception>
    public static void ThrowOnError(int code, string operation)
    {
        if (code != 0)
            Throw(code, operation);
    }

    [LibraryImport(MpiLibrary.Name)]
    public static partial int spmd_mpi_start(out nint world);

    [LibraryImport(MpiLibrary.Name)]
    public static partial int spmd_mpi_finish();

    [LibraryImport(MpiLibrary.Name)]
    public static partial int spmd_mpi_abort(nint communicator, int exitCode);

    [LibraryImport(MpiLibrary.Name)]
    public static partial void spmd_mpi_exit(int exitCode);

    [LibraryImport(MpiLibrary.Name)]
    public static partial void spmd_mpi_exit_within(int seconds, int exitCode);

    [LibraryImport(MpiLibrary.Name)]
    public static partial void spmd_mpi_end_stuck_launcher();

    [LibraryImport(MpiLibrary.Name)]
    public static partial int spmd_mpi_describe(nint communicator, out int rank, out int size, out int yields);

    [LibraryImport(MpiLibrary.Name)]
    public static partial int spmd_mpi_split(nint parent, int color, int key, out nint child);

    [LibraryImport(MpiLibrary.Name)]
    public static partial int spmd_mpi_split_by_host(nint parent, out nint child);

    [LibraryImport(MpiLibrary.Name)]
    public static partial int spmd_mpi_free(nint communicator);

    [LibraryImport(MpiLibrary.Name)]
    public static partial void spmd_mpi_set_part_bytes(long bytes);

    [LibraryImport(MpiLibrary.Name)]
    public static partial int spmd_mpi_barrier(nint communicator);

    [LibraryImport(MpiLibrary.Name)]
    public static partial int spmd_mpi_allreduce(nint communicator, void* values, long count, ReductionType element, ReductionKind reduction);

    [LibraryImport(MpiLibrary.Name)]
    public static partial int spmd_mpi_reduce(nint communicator, void* values, long count, ReductionType element, ReductionKind reduction, int root);

    [LibraryImport(MpiLibrary.Name)]
    public static partial int spmd_mpi_broadcast(nint communicator, void* values, long bytes, int root);

    [LibraryImport(MpiLibrary.Name)]
    public static partial int spmd_mpi_gather(nint communicator, void* send, void* receive, long bytes, int root);

    [LibraryImport(MpiLibrary.Name)]
    public static partial int spmd_mpi_allgather(nint communicator, void* send, void* receive, long bytes);

    [LibraryImport(MpiLibrary.Name)]
    private static partial int spmd_mpi_library_version(byte* text, int capacity);

    [LibraryImport(MpiLibrary.Name)]
    private static partial int spmd_mpi_error_text(int code, byte* text, int capacity);

    private static void Throw(int code, string operation)
    {
        string words = ReadText((text, capacity) => spmd_mpi_error_text(code, text, capacity));
        throw new MpiException($"{operation}: {(words.Length > 0 ? words : "error")} (MPI code {code})");
    }

    private static string ReadText(TextFunction function)
    {
        byte* text = stackalloc byte[TextCapacity];
        return function(text, TextCapacity) == 0
            ? Encoding.UTF8.GetString(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(text))
            : "";
    }
}
