namespace SpmdDbrx.Model.Tokenization;

/// <summary>
/// The symbols of one piece while they merge: a linked list in arrays, and the rank of every pair in a <see cref="RankTree"/>.
/// The pair of the lowest rank merges first, the leftmost among equals (Sennrich et al. 2016, algorithm 1); n bytes take O(n log n) steps,
/// whatever the text.
/// </summary>
internal sealed class BytePairChain
{
    private readonly BytePairModel model;
    private readonly int[] tokens;
    private readonly int[] merged;
    private readonly int[] previous;
    private readonly int[] next;
    private readonly RankTree ranks;

    /// <param name="model">The merges.</param>
    /// <param name="byteTokens">Token of each byte value [256].</param>
    /// <param name="bytes">The piece; not empty.</param>
    public BytePairChain(BytePairModel model, int[] byteTokens, ReadOnlySpan<byte> bytes)
    {
        this.model = model;
        tokens = new int[bytes.Length];
        merged = new int[bytes.Length];
        previous = new int[bytes.Length];
        next = new int[bytes.Length];
        ranks = new RankTree(bytes.Length);
        for (int i = 0; i < bytes.Length; i++)
        {
            tokens[i] = byteTokens[bytes[i]];
            previous[i] = i - 1;
            next[i] = i + 1;
        }
    }

    /// <summary>Merges until no pair can, then appends what is left.</summary>
    public void MergeInto(List<int> output)
    {
        for (int i = 0; i < tokens.Length; i++)
            Rank(i);
        while (ranks.TryFindFirstLowest(out int left))
            Merge(left);
        for (int i = 0; i < tokens.Length; i = next[i])
            output.Add(tokens[i]);
    }

    private void Merge(int left)
    {
        int right = next[left];
        int after = next[right];
        tokens[left] = merged[left];
        next[left] = after;
        if (after < tokens.Length)
            previous[after] = left;
        ranks[right] = RankTree.None;
        Rank(left);
        if (previous[left] >= 0)
            Rank(previous[left]);
    }

    /// <summary>Notes whether and how early the symbol at <paramref name="left"/> merges with the one after it.</summary>
    private void Rank(int left)
    {
        bool merges = model.TryGetMerge(tokens[left], next[left] < tokens.Length ? tokens[next[left]] : BytePairModel.NoToken, out BytePairMerge merge);
        ranks[left] = merges ? merge.Rank : RankTree.None;
        merged[left] = merge.Token;
    }
}
