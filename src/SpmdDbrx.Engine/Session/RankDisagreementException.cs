namespace SpmdDbrx.Engine.Session;

/// <summary>Replicas do not hold the same values. Every rank throws the same message; rank 0 reports it.</summary>
public sealed class RankDisagreementException(string message) : EngineException(message);
