namespace SpmdDbrx.Mpi;

/// <summary>Another rank is dead, frozen or cut off. The message names rank and host, and what both sides were doing.</summary>
public sealed class PeerLostException(string message) : Exception(message)
{
    /// <summary>Exit code of a job that lost a rank: EX_TEMPFAIL of sysexits.h, since starting again may help.</summary>
    public const int ExitCode = 75;
}
