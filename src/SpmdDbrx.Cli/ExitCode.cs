using SpmdDbrx.Mpi;

namespace SpmdDbrx.Cli;

/// <summary>Exit codes of spmd-dbrx.</summary>
internal static class ExitCode
{
    public const int Done = 0;
    public const int Failed = 1;
    public const int Usage = 2;
    public const int PeerLost = PeerLostException.ExitCode;
    public const int Terminated = 143;
}
