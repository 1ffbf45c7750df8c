namespace SpmdDbrx.Model.Tokenization;

/// <summary>
/// The symbols of one piece while they merge: a linked list in arrays, and a heap of the pairs that may merge, lowest rank first,
/// leftmost first among equals. n bytes take O(n log n) steps, whatever the text (Sennrich et al. 2016, algorithm 1, for the rule).
/// </summary>
internal sealed class BytePairChain
{
    private const int Dead = -1;
    private readonly BytePairModel model;
    private readonly int[] tokens;
    private readonly int[] previous;
    private readonly int[] next;
    private readonly PriorityQueue<int, long> pairs;

    /// <param name="model">The merges.</param>
    /// <param name="byteTokens">Token of each byte value [256].</param>
    /// <param name="bytes">The piece; not empty.</param>
    public BytePairChain(BytePairModel model, int[] byteTokens, ReadOnlySpan<byte> bytes)
    {
        this.model = model;
        tokens = new int[bytes.Length];
        previous = new int[bytes.Length];
        next = new int[bytes.Length];
        for (int i = 0; i < bytes.Length; i++)
        {
            tokens[i] = byteTokens[bytes[i]];
            previous[i] = i - 1;
            next[i] = i + 1;
        }
        pairs = new PriorityQueue<int, long>(bytes.Length);
    }

    /// <summary>Merges until no pair can, then appends what is left.</summary>
    public void MergeInto(List<int> output)
    {
        for (int i = 0; i + 1 < tokens.Length; i++)
            Offer(i);
        while (pairs.TryDequeue(out int left, out long priority))
        {
            // An entry is stale once either symbol has merged with another neighbour.
            if (tokens[left] != Dead && TryGetMerge(left, out BytePairMerge merge) && Priority(merge.Rank, left) == priority)
                Merge(left, merge.Token);
        }
        for (int i = 0; i < tokens.Length; i = next[i])
            output.Add(tokens[i]);
    }

    private void Merge(int left, int token)
    {
        int right = next[left];
        int after = next[right];
        tokens[left] = token;
        tokens[right] = Dead;
        next[left] = after;
        if (after < tokens.Length)
            previous[after] = left;
        Offer(left);
        if (previous[left] >= 0)
            Offer(previous[left]);
    }

    private void Offer(int left)
    {
        if (TryGetMerge(left, out BytePairMerge merge))
            pairs.Enqueue(left, Priority(merge.Rank, left));
    }

    private bool TryGetMerge(int left, out BytePairMerge merge)
    {
        merge = default;
        return next[left] < tokens.Length && model.TryGetMerge(tokens[left], tokens[next[left]], out merge);
    }

    private static long Priority(int rank, int left) => ((long)rank << 32) | (uint)left;
}
