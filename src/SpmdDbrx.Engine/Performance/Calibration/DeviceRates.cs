namespace SpmdDbrx.Engine.Performance.Calibration;

/// <summary>What one rank's device reached, measured.</summary>
/// <param name="ReadBytesPerSecond">Reading a buffer larger than any cache.</param>
/// <param name="DecodeBytesPerSecond">Expert weights read while one token is computed.</param>
/// <param name="PrefillFlopPerSecond">Expert products of a batch of tokens.</param>
/// <param name="HandOverSeconds">A third of a layer without work: the model counts three hand-overs a layer.</param>
public sealed record DeviceRates(double ReadBytesPerSecond, double DecodeBytesPerSecond, double PrefillFlopPerSecond, double HandOverSeconds);
