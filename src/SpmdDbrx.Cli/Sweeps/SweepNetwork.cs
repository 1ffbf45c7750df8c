using System.Globalization;

namespace SpmdDbrx.Cli.Sweeps;

/// <summary>What the launcher is asked to make of the network between the nodes.</summary>
/// <param name="Name">How reports call it.</param>
/// <param name="DelayMicroseconds">Time a message is under way, one way.</param>
/// <param name="JitterMicroseconds">Deviation of it.</param>
/// <param name="LossPerMillion">Frames lost of a million.</param>
/// <param name="RateMegabits">Speed of a node's link, Mb/s; 0 = unlimited.</param>
internal sealed record SweepNetwork(string Name, int DelayMicroseconds, int JitterMicroseconds, int LossPerMillion, int RateMegabits)
{
    /// <summary>The network as it is.</summary>
    public static SweepNetwork AsItIs { get; } = new("as it is", 0, 0, 0, 0);

    /// <summary>Whether only the delay differs from the network as it is.</summary>
    public bool IsDelayAlone => JitterMicroseconds == 0 && LossPerMillion == 0 && RateMegabits == 0;

    /// <summary>Whether only the rate differs from the network as it is.</summary>
    public bool IsRateAlone => JitterMicroseconds == 0 && LossPerMillion == 0 && DelayMicroseconds == 0;

    /// <summary>Words for the launcher: key=value, all of them, so that nothing stays from an earlier cell.</summary>
    public IEnumerable<string> Words()
    {
        foreach ((string key, int value) in Settings)
            yield return string.Create(CultureInfo.InvariantCulture, $"{key}={value}");
    }

    /// <summary>Keys and values as sweep files and launchers call them.</summary>
    public IReadOnlyList<(string Key, int Value)> Settings =>
        [("delay_us", DelayMicroseconds), ("jitter_us", JitterMicroseconds), ("loss_ppm", LossPerMillion), ("rate_mbps", RateMegabits)];
}
