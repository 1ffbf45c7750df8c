using System.Diagnostics;

namespace SpmdDbrx.Engine.Decoding;

/// <summary>What a rank's time is charged to, as in [P1] Tables 3 and 4.</summary>
public enum Cost
{
    /// <summary>Running experts.</summary>
    Experts,

    /// <summary>Exchanging with other ranks, waiting for them included.</summary>
    Communication,

    /// <summary>Attention, norms, router, LM head.</summary>
    Misc,
}

/// <summary>Where the forward pass spends its time; laps of one stopwatch, so that the parts add up to the whole.</summary>
public sealed class DecodeClock
{
    private readonly long[] ticks = new long[3];
    private long lapStart;

    /// <summary>Begins a lap.</summary>
    public void Start() => lapStart = Stopwatch.GetTimestamp();

    /// <summary>Charges the time since the last call and begins the next lap.</summary>
    public void Charge(Cost cost)
    {
        long now = Stopwatch.GetTimestamp();
        ticks[(int)cost] += now - lapStart;
        lapStart = now;
    }

    /// <summary>Seconds charged so far.</summary>
    public double Seconds(Cost cost) => (double)ticks[(int)cost] / Stopwatch.Frequency;
}
