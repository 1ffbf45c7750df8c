namespace SpmdDbrx.Engine.Performance.Calibration;

/// <summary>What one rank's device reached, measured.</summary>
/// <param name="ReadBytesPerSecond">Reading a buffer larger than any cache.</param>
/// <param name="DecodeShare">Share of it at which expert weights are read while one token is computed, each against a reading just before.</param>
/// <param name="FlopPerSecond">Multiply-adds with the instructions that prefill runs on, counted as two; of a device without such a probe, expert products of a batch.</param>
/// <param name="PrefillShare">Share of it that expert products of a batch of tokens reach, each against a probe just before.</param>
/// <param name="HandOverSeconds">A third of a layer without work: the model counts three hand-overs a layer.</param>
public sealed record DeviceRates(
    double ReadBytesPerSecond, double DecodeShare, double FlopPerSecond, double PrefillShare, double HandOverSeconds);
