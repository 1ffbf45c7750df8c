namespace SpmdDbrx.Model;

/// <summary>How far a verb that moves or checks many bytes has come.</summary>
/// <param name="Done">Bytes done.</param>
/// <param name="Total">Bytes in all.</param>
/// <param name="What">What was last done: a section or a file.</param>
public readonly record struct ByteProgress(long Done, long Total, string What);
