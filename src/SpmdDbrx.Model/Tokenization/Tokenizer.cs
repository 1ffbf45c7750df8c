using System.Text;

namespace SpmdDbrx.Model.Tokenization;

/// <summary>
/// Text to tokens and back: byte-level BPE as in the model's tokenizer.json or .tiktoken file. Safe for concurrent use.
/// Text in .NET may hold half a surrogate pair, which no UTF-8 has; it is encoded as U+FFFD, as in the reference.
/// </summary>
public sealed class Tokenizer
{
    private const string FileName = "tokenizer.json";

    private readonly bool normalizesToFormC;
    private readonly PreTokenizer preTokenizer;
    private readonly BytePairEncoder encoder;
    private readonly AddedTokenFinder allAddedTokens;
    private readonly AddedTokenFinder ordinaryAddedTokens;
    private readonly byte[]?[] bytesById;
    private readonly HashSet<int> specialIds;

    internal Tokenizer(TokenizerParts parts, TokenizerConfig config)
    {
        IReadOnlyList<AddedToken> addedTokens = AddedTokenTable.Merge(parts, config);
        bytesById = VocabularyTable.BytesById(parts, addedTokens);
        normalizesToFormC = parts.NormalizesToFormC;
        preTokenizer = parts.PreTokenizer;
        encoder = new BytePairEncoder(parts.Model, VocabularyTable.ByteTokens(parts));
        allAddedTokens = new AddedTokenFinder(addedTokens);
        ordinaryAddedTokens = new AddedTokenFinder(addedTokens.Where(token => !token.IsSpecial).ToList());
        SpecialTokens = addedTokens.Where(token => token.IsSpecial).ToDictionary(token => token.Content, token => token.Id);
        specialIds = [.. SpecialTokens.Values];
        EosToken = IdOf("eos_token");
        PadToken = IdOf("pad_token");
        BosToken = IdOf("bos_token");

        int? IdOf(string name)
        {
            if (!config.NamedTokens.TryGetValue(name, out string? content))
                return null;
            if (parts.Vocabulary.TryGetValue(content, out int id))
                return id;
            return addedTokens.FirstOrDefault(token => token.Content == content)?.Id;
        }
    }

    /// <summary>One more than the largest id that has a token; ids below it may be gaps, and a model may have more rows.</summary>
    public int VocabularySize => bytesById.Length;

    /// <summary>Ids of the special tokens by their text, e.g. &lt;|im_start|&gt;.</summary>
    public IReadOnlyDictionary<string, int> SpecialTokens { get; }

    /// <summary>Id of tokenizer_config.json's eos_token; null if it names none.</summary>
    public int? EosToken { get; }

    /// <summary>Id of pad_token; null if there is none.</summary>
    public int? PadToken { get; }

    /// <summary>Id of bos_token; null if there is none. <see cref="Encode"/> never adds it.</summary>
    public int? BosToken { get; }

    /// <summary>Whether a model directory has a tokenizer.</summary>
    public static bool Exists(string modelDirectory) =>
        File.Exists(Path.Combine(modelDirectory, FileName)) || RankFiles(modelDirectory).Length > 0;

    /// <summary>Reads tokenizer.json, else the one *.tiktoken file, and tokenizer_config.json where there is one.</summary>
    /// <exception cref="InvalidModelException">No tokenizer file, a damaged one, or one of another kind than byte-level BPE.</exception>
    public static Tokenizer Load(string modelDirectory)
    {
        TokenizerConfig config = TokenizerConfig.Read(modelDirectory);
        return new Tokenizer(ReadParts(modelDirectory, config), config);
    }

    /// <summary>The tokens of a text. Nothing is added in front or behind.</summary>
    /// <param name="text">Any text; half surrogate pairs count as U+FFFD.</param>
    /// <param name="parseSpecialTokens">
    /// Whether the text of a special token becomes that token. True is what the reference does, and what a rendered chat template needs;
    /// false is for text from a source that must not be able to write markup.
    /// </param>
    public int[] Encode(string text, bool parseSpecialTokens = true)
    {
        List<int> tokens = [];
        foreach ((string segment, AddedToken? next) in Segments(text, parseSpecialTokens))
        {
            foreach (Piece piece in Split(segment, out string shown))
                encoder.Encode(shown.AsSpan(piece.Start, piece.Length), tokens);
            if (next is not null)
                tokens.Add(next.Id);
        }
        return [.. tokens];
    }

    /// <summary>The pieces that a text without special tokens is cut into before bytes are merged; for tests and diagnosis.</summary>
    public IReadOnlyList<string> Pieces(string text) =>
        Split(text, out string shown).ConvertAll(piece => shown.Substring(piece.Start, piece.Length));

    /// <summary>The text of tokens; bytes that are no UTF-8 become U+FFFD, ids without a token become nothing.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An id is negative.</exception>
    public string Decode(ReadOnlySpan<int> tokens, bool skipSpecialTokens = false)
    {
        List<byte> bytes = [];
        foreach (int token in tokens)
            bytes.AddRange(TokenBytes(token, skipSpecialTokens));
        return Encoding.UTF8.GetString([.. bytes]);
    }

    /// <summary>Id of a special token; null if there is no such token.</summary>
    public int? SpecialToken(string content) => SpecialTokens.TryGetValue(content, out int id) ? id : null;

    internal ReadOnlySpan<byte> TokenBytes(int token, bool skipSpecialTokens)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(token);
        bool hasText = token < bytesById.Length && !(skipSpecialTokens && specialIds.Contains(token));
        return hasText ? bytesById[token] : [];
    }

    private static TokenizerParts ReadParts(string modelDirectory, TokenizerConfig config)
    {
        string tokenizerJson = Path.Combine(modelDirectory, FileName);
        if (File.Exists(tokenizerJson))
            return TokenizerJson.Read(tokenizerJson);
        string[] rankFiles = RankFiles(modelDirectory);
        return rankFiles.Length == 1
            ? TiktokenFile.Read(rankFiles[0], config)
            : throw new InvalidModelException($"{modelDirectory}: expected tokenizer.json or one .tiktoken file, found {(rankFiles.Length == 0 ? "neither" : $"{rankFiles.Length} .tiktoken files")}");
    }

    private static string[] RankFiles(string modelDirectory) =>
        Directory.Exists(modelDirectory) ? Directory.GetFiles(modelDirectory, "*.tiktoken") : [];

    /// <summary>The pieces of a text without added tokens, as parts of <paramref name="shown"/>: the text normalized, with prefix spaces.</summary>
    private List<Piece> Split(string text, out string shown)
    {
        shown = normalizesToFormC ? NormalizationFormC.Normalize(text) : text;
        return preTokenizer.Split(ref shown);
    }

    private IEnumerable<(string Segment, AddedToken? Next)> Segments(string text, bool parseSpecialTokens)
    {
        AddedTokenFinder finder = parseSpecialTokens ? allAddedTokens : ordinaryAddedTokens;
        int from = 0;
        while (finder.Find(text, from, out Piece taken) is { } token)
        {
            yield return (text[from..taken.Start], token);
            from = taken.End;
        }
        yield return (text[from..], null);
    }
}
