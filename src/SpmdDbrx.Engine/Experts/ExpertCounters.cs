namespace SpmdDbrx.Engine.Experts;

/// <summary>How many experts ran, counted where they are handed to the device.</summary>
public sealed class ExpertCounters
{
    /// <summary>Layers executed, once per batch.</summary>
    public long Layers { get; private set; }

    /// <summary>Sum over layers of the experts that the busiest rank ran: the load a layer waits for.</summary>
    /// <remarks>Experts that several ranks run together count on each of them in equal parts, here and in <see cref="ThisRank"/>.</remarks>
    public double BusiestRank { get; private set; }

    /// <summary>Sum over layers of the experts that this rank ran, spare ones included.</summary>
    public double ThisRank { get; private set; }

    /// <summary>Adds one layer.</summary>
    public void Count(double busiest, double own)
    {
        Layers++;
        BusiestRank += busiest;
        ThisRank += own;
    }
}
