namespace SpmdDbrx.Compute;

/// <summary>A weight matrix [rows, columns] as stored: rows are contiguous, consecutive rows lie a stride apart.</summary>
/// <param name="Buffer">The mapped file (or part of one) that holds it.</param>
/// <param name="ByteOffset">First byte of row 0 in the buffer.</param>
/// <param name="Rows">Rows.</param>
/// <param name="Columns">Elements of a row.</param>
/// <param name="RowStrideBytes">Bytes from one row to the next; larger than a row where matrices are interleaved.</param>
/// <param name="Type">How an element is stored.</param>
public readonly record struct WeightMatrix(
    DeviceBuffer Buffer, long ByteOffset, int Rows, int Columns, long RowStrideBytes, ElementType Type);

/// <summary>One expert of one layer: all three matrices have one row of length D per hidden unit ("neuron").</summary>
/// <remarks><c>y = Σ_f silu(w1_f · x) · (v1_f · x) · w2_f</c>; rows of w1 and v1 are dotted with x, rows of w2 are scaled and summed (MECHANISMS §1).</remarks>
/// <param name="W1">Gate projection [F, D].</param>
/// <param name="V1">Up projection [F, D].</param>
/// <param name="W2">Down projection [F, D].</param>
public readonly record struct ExpertWeights(WeightMatrix W1, WeightMatrix V1, WeightMatrix W2);
