namespace SpmdDbrx.Model;

/// <summary>A file of a model that holds weights.</summary>
/// <param name="Name">Relative to the model directory, with '/'.</param>
/// <param name="Bytes">Length it must have.</param>
public readonly record struct WeightFile(string Name, long Bytes);
