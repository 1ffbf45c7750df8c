namespace SpmdDbrx.Model.Chat.Jinja;

/// <summary>A template that cannot be parsed or rendered. The position is where in its source.</summary>
internal sealed class JinjaException : Exception
{
    public JinjaException(string message) : base(message) { }

    public JinjaException(string message, int offset) : base(message) => Offset = offset;

    /// <summary>Index into the source; null while only the run knows it.</summary>
    public int? Offset { get; }
}
