namespace SpmdDbrx.Model;

/// <summary>A model file is not what it should be. The message is one line for the user: what, where, expected, found, what to do.</summary>
public sealed class InvalidModelException : Exception
{
    public InvalidModelException(string message) : base(message) { }

    public InvalidModelException(string message, Exception inner) : base(message, inner) { }
}
