using System.Runtime.InteropServices;

namespace SpmdDbrx.Mpi;

/// <summary>Keeps .NET's handlers of fault signals while an MPI is loaded and initialised.</summary>
/// <remarks>The runtime turns SIGSEGV into NullReferenceException. UCX (below MPICH and Open MPI) puts its own handler in its
/// place as soon as it is loaded, before any code of the shim runs, and then a null reference kills the process.</remarks>
internal sealed unsafe partial class FaultSignals : IDisposable
{
    // SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV
    private static readonly int[] Signals = [4, 5, 6, OperatingSystem.IsMacOS() ? 10 : 7, 8, 11];

    // Larger than struct sigaction of any system (152 bytes with glibc), whose layout does not matter here.
    private const int ActionBytes = 512;

    private readonly byte[] saved = new byte[Signals.Length * ActionBytes];

    public FaultSignals()
    {
        fixed (byte* actions = saved)
        {
            for (int i = 0; i < Signals.Length; i++)
                _ = sigaction(Signals[i], null, actions + (i * ActionBytes));
        }
    }

    /// <summary>Gives the signals back to the handlers found by the constructor.</summary>
    public void Dispose()
    {
        fixed (byte* actions = saved)
        {
            for (int i = 0; i < Signals.Length; i++)
                _ = sigaction(Signals[i], actions + (i * ActionBytes), null);
        }
    }

    [LibraryImport("libc")]
    private static partial int sigaction(int signal, void* action, void* old);
}
