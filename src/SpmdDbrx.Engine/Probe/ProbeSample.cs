namespace SpmdDbrx.Engine.Probe;

/// <summary>One point of Figure 4: what a sample costs when the device idles between its layers.</summary>
/// <param name="Subject">Strategy.</param>
/// <param name="WaitMilliseconds">Idle time after every layer; 0 = the first sample, with the allocation of the weights: their load.</param>
/// <param name="MillisecondsPerSample">All layers' products, the idle time not counted.</param>
public sealed record ProbeSample(string Subject, double WaitMilliseconds, double MillisecondsPerSample);
