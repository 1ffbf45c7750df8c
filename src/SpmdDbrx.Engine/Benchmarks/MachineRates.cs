namespace SpmdDbrx.Engine.Benchmarks;

/// <summary>What a machine can do at most.</summary>
/// <param name="ReadBytesPerSecond">Memory read by all threads of all ranks together.</param>
/// <param name="PeakFlopPerSecond">Multiply-adds of all threads of all ranks together, counted as two operations each, with the instructions that prefill runs on.</param>
public sealed record MachineRates(double ReadBytesPerSecond, double PeakFlopPerSecond)
{
    /// <summary>Not probed.</summary>
    public static MachineRates Unknown { get; } = new(double.PositiveInfinity, double.PositiveInfinity);

    /// <summary>Means of two probes.</summary>
    public static MachineRates Mean(MachineRates before, MachineRates after) => new(
        (before.ReadBytesPerSecond + after.ReadBytesPerSecond) / 2, (before.PeakFlopPerSecond + after.PeakFlopPerSecond) / 2);
}
