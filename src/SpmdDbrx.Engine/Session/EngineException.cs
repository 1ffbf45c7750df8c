namespace SpmdDbrx.Engine.Session;

/// <summary>The engine cannot go on. The message is one line for the user: what, where, expected, found, what to do.</summary>
public class EngineException(string message) : Exception(message);

/// <summary>Another rank failed and reports it; this rank only has to end.</summary>
public sealed class PeerFailedException(int rank, string step)
    : EngineException($"rank {rank} failed while {step}");
