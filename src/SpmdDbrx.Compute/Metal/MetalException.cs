namespace SpmdDbrx.Compute.Metal;

/// <summary>Metal refused or failed: what was asked, what it said, what to do.</summary>
public sealed class MetalException(string message) : Exception(message);
