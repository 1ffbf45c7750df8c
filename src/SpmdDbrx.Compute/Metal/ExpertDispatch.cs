namespace SpmdDbrx.Compute.Metal;

/// <summary>The assignments of one expert, and where their rows lie.</summary>
/// <param name="Weights">The expert.</param>
/// <param name="Assignments">How many.</param>
/// <param name="InputRows">Row of the input of each, uint32 [assignments].</param>
/// <param name="Hidden">[assignments, F].</param>
/// <param name="Results">[assignments, D].</param>
internal readonly record struct ExpertDispatch(ExpertWeights Weights, int Assignments, Binding InputRows, Binding Hidden, Binding Results)
{
    public int Neurons => Weights.W1.Rows;

    public int Columns => Weights.W1.Columns;

    public ExpertShape Shape => new(
        (uint)Neurons, (uint)Columns, (uint)Assignments, (uint)Weights.W1.StripColumns,
        (ulong)Weights.W1.RowStrideBytes, (ulong)Weights.V1.RowStrideBytes, (ulong)Weights.W2.RowStrideBytes,
        (ulong)Weights.W1.StripStrideBytes, (ulong)Weights.V1.StripStrideBytes, (ulong)Weights.W2.StripStrideBytes);
}
