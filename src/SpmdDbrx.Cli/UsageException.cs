namespace SpmdDbrx.Cli;

/// <summary>Options that parse but do not fit together; ends the program with exit code 2.</summary>
public sealed class UsageException(string message) : Exception(message);
