namespace SpmdDbrx.Compute.Cpu;

/// <summary>output[t] = table[tokens[t]].</summary>
internal static unsafe class Embedding<TVector> where TVector : unmanaged, IFloatVector<TVector>
{
    public static void Run<TElement>(WeightPointer table, ReadOnlySpan<int> tokens, RowPointer output)
        where TElement : struct, IWeightElement
    {
        for (int token = 0; token < tokens.Length; token++)
            WeightRow<TVector, TElement>.Widen(table.Row(tokens[token]), output.Row(token), table.Columns);
    }
}
