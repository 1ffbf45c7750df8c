namespace SpmdDbrx.Model.Tokenization;

/// <summary>A byte-level BPE vocabulary as read from a file, checked, ready for <see cref="BytePairEncoder"/>.</summary>
internal sealed class BytePairModel
{
    /// <summary>Ids are below this (2^20), so that tables by id stay small whatever a file says.</summary>
    public const int MaximumVocabularySize = 1 << 20;

    /// <summary>Stands for "no token"; merges with nothing.</summary>
    public const int NoToken = -1;

    private readonly Dictionary<string, int> tokensByLetters;
    private readonly Dictionary<ulong, BytePairMerge> merges = [];

    // A pair's own hash code is left ^ right, which is 0 for every doubled token; a random odd factor spreads the keys, and no file can aim at it.
    private readonly ulong spread = (ulong)Random.Shared.NextInt64() | 1;

    /// <param name="tokensByLetters">Ids of the tokens, spelled in the letters of <see cref="ByteLevelAlphabet"/>.</param>
    /// <param name="mergeCount">About how many merges follow.</param>
    public BytePairModel(Dictionary<string, int> tokensByLetters, int mergeCount)
    {
        this.tokensByLetters = tokensByLetters;
        LongestToken = tokensByLetters.Keys.Select(letters => letters.Length).DefaultIfEmpty().Max();
        merges.EnsureCapacity(mergeCount);
    }

    /// <summary>Whether a piece that is a token is that token, whatever its merges give (tiktoken; ignore_merges in tokenizer.json).</summary>
    public bool WholePieceFirst { get; init; }

    /// <summary>Bytes of the longest token.</summary>
    public int LongestToken { get; }

    /// <summary>Id of a token spelled in the byte-level alphabet.</summary>
    public bool TryGetToken(ReadOnlySpan<char> letters, out int token) =>
        tokensByLetters.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(letters, out token);

    /// <summary>Adds a merge; a repeated pair takes the later rank, as in the reference.</summary>
    public void AddMerge(int left, int right, BytePairMerge merge) => merges[Key(left, right)] = merge;

    /// <summary>What a pair of tokens merges into.</summary>
    public bool TryGetMerge(int left, int right, out BytePairMerge merge) => merges.TryGetValue(Key(left, right), out merge);

    private ulong Key(int left, int right) => (((ulong)(uint)left << 32) | (uint)right) * spread;
}
