namespace SpmdDbrx.Engine.Benchmarks;

/// <summary>What a machine can do at most.</summary>
/// <param name="ReadBytesPerSecond">Memory read by all threads of all ranks together.</param>
/// <param name="FloatFlopPerSecond">Float32 multiply-adds of all threads of all ranks together, counted as two operations each.</param>
public sealed record MachineRates(double ReadBytesPerSecond, double FloatFlopPerSecond)
{
    /// <summary>No probe for this device: shares of it come out as 0.</summary>
    public static MachineRates Unknown { get; } = new(double.PositiveInfinity, double.PositiveInfinity);
}
