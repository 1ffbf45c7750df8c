namespace SpmdDbrx.Engine;

/// <summary>A file or value the user gave is not what it should be. The message is one line: what, where, expected, found, what to do.</summary>
public sealed class InvalidInputException : Exception
{
    public InvalidInputException(string message) : base(message) { }

    public InvalidInputException(string message, Exception inner) : base(message, inner) { }
}
