namespace SpmdDbrx.Mpi;

/// <summary>What a rank is doing right now, for the message that is due when ranks wait for one that is gone.</summary>
/// <remarks>Written by the rank's own thread, read by its heartbeat. Plain volatile stores, no lock and no allocation, so that it
/// can stand in the innermost loop; a reader may catch two neighbouring moments mixed.</remarks>
public sealed class Activity
{
    private volatile string step = "starting";
    private volatile string? part;
    private volatile string? collective;
    private volatile int index;

    /// <summary>A step begins: "prefill". With <paramref name="countedIn"/>, say "layer", <see cref="Index"/> counts its parts.</summary>
    public void Begin(string step, string? countedIn = null)
    {
        index = 0;
        part = countedIn;
        this.step = step;
    }

    /// <summary>The part of the step that runs now.</summary>
    public int Index
    {
        get => index;
        set => index = value;
    }

    /// <summary>The collective this rank is in; null between collectives.</summary>
    internal string? Collective
    {
        set => collective = value;
    }

    /// <summary>"prefill, layer 3, all-reduce".</summary>
    public override string ToString() =>
        step + (part is null ? "" : $", {part} {index}") + (collective is null ? "" : $", {collective}");
}
