namespace SpmdDbrx.Mpi;

/// <summary>How ranks watch each other while they wait in collectives.</summary>
/// <param name="Deadline">Silence after which a rank is lost; zero = nobody watches.</param>
/// <param name="OnUnwatched">Told once, on rank 0, when no heartbeat of some rank has ever arrived, so that its loss would go unseen.</param>
public sealed record HeartbeatOptions(TimeSpan Deadline, Action<string> OnUnwatched)
{
    /// <summary>Deadline when the user does not say, seconds.</summary>
    public const double DefaultSeconds = 2;
}
