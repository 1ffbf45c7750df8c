using System.Text.Json;

namespace SpmdDbrx.Model.Tokenization;

/// <summary>
/// Reads tokenizer.json (Hugging Face tokenizers): byte-level BPE, with what DBRX and its relatives use of the rest.
/// Any other component is refused by name, because guessing would give other tokens than the model was trained on.
/// </summary>
internal static class TokenizerJson
{
    /// <exception cref="InvalidModelException">The file is damaged or asks for something else than byte-level BPE.</exception>
    public static TokenizerParts Read(string path)
    {
        using JsonDocument document = JsonFile.Open(path, out JsonField root);
        JsonField model = root.Required("model");
        RequirePlainBytePairs(model);
        RequireByteLevelDecoder(root.Optional("decoder"));
        RequireNoTokensAdded(root.Optional("post_processor"));
        Dictionary<string, int> vocabulary = ReadVocabulary(model.Required("vocab"));
        return new TokenizerParts
        {
            File = path,
            Vocabulary = vocabulary,
            Model = ReadMerges(model, vocabulary),
            PreTokenizer = PreTokenizerJson.Read(root.Required("pre_tokenizer")),
            NormalizesToFormC = NormalizesToFormC(root.Optional("normalizer")),
            AddedTokens = root.Optional("added_tokens")?.Items().Select(item => ReadAddedToken(item, TokenId(item.Required("id")))).ToList() ?? [],
        };
    }

    /// <summary>An entry of added_tokens, or of tokenizer_config.json's added_tokens_decoder.</summary>
    public static AddedToken ReadAddedToken(JsonField token, int id)
    {
        JsonField content = token.Required("content");
        if (content.Text().Length is 0 or > LongestAddedToken)
            throw content.Error($"a text of 1 to {LongestAddedToken} characters");
        return new AddedToken(
            content.Text(), id,
            IsSpecial: token.Boolean("special", absent: false),
            TakesSpaceBefore: token.Boolean("lstrip", absent: false),
            TakesSpaceAfter: token.Boolean("rstrip", absent: false),
            IsWholeWord: token.Boolean("single_word", absent: false));
    }

    private const int LongestAddedToken = 512;

    private static int TokenId(JsonField id) => id.Int32(0, BytePairModel.MaximumVocabularySize - 1);

    private static void RequirePlainBytePairs(JsonField model)
    {
        // Files older than tokenizers 0.8 have no type; only BPE has merges.
        if (model.Optional("type") is { } type && type.Text() != "BPE")
            throw type.Error("\"BPE\"");
        if (model.Optional("dropout") is { } dropout)
            throw dropout.Error("null (encoding must be repeatable)");
        foreach (string affix in (string[])["continuing_subword_prefix", "end_of_word_suffix"])
        {
            if (model.Optional(affix) is { } text && text.Text().Length > 0)
                throw text.Error("no text (byte-level BPE)");
        }
        if (model.Boolean("byte_fallback", absent: false))
            throw model.Required("byte_fallback").Error("false (byte-level BPE has a token for every byte)");
    }

    private static void RequireByteLevelDecoder(JsonField? decoder)
    {
        if (decoder?.Required("type") is { } type && type.Text() != "ByteLevel")
            throw type.Error("\"ByteLevel\"");
    }

    private static void RequireNoTokensAdded(JsonField? postProcessor)
    {
        if (postProcessor is not { } processor)
            return;
        JsonField type = processor.Required("type");
        switch (type.Text())
        {
            case "ByteLevel":
                return;
            case "Sequence":
                foreach (JsonField member in processor.Required("processors").Items())
                    RequireNoTokensAdded(member);
                return;
            case "TemplateProcessing" when processor.Required("single").Items().All(item => item.Optional("Sequence") is not null):
                return;
            default:
                throw type.Error("null, \"ByteLevel\" or a \"TemplateProcessing\" that adds no tokens");
        }
    }

    private static bool NormalizesToFormC(JsonField? normalizer)
    {
        if (normalizer is not { } component)
            return false;
        JsonField type = component.Required("type");
        switch (type.Text())
        {
            case "NFC":
                return true;
            case "Sequence":
                return component.Required("normalizers").Items().Aggregate(false, (any, member) => NormalizesToFormC(member) | any);
            default:
                throw type.Error("null or \"NFC\"");
        }
    }

    private static Dictionary<string, int> ReadVocabulary(JsonField vocab)
    {
        var vocabulary = new Dictionary<string, int>(StringComparer.Ordinal);
        var takenIds = new HashSet<int>();
        foreach ((string token, JsonField id) in vocab.Properties())
        {
            if (!takenIds.Add(TokenId(id)))
                throw id.Error("an id that no other token has");
            if (!vocabulary.TryAdd(token, TokenId(id)))
                throw id.Error("each token once");
        }
        return vocabulary;
    }

    private static BytePairModel ReadMerges(JsonField model, Dictionary<string, int> vocabulary)
    {
        JsonField merges = model.Required("merges");
        var result = new BytePairModel(vocabulary, merges.Count) { WholePieceFirst = model.Boolean("ignore_merges", absent: false) };
        int rank = 0;
        foreach (JsonField merge in merges.Items())
        {
            (string left, string right) = MergePair(merge);
            int leftToken = Token(left);
            int rightToken = Token(right);
            result.AddMerge(leftToken, rightToken, new BytePairMerge(rank++, Token(left + right)));

            int Token(string text) => vocabulary.TryGetValue(text, out int token)
                ? token
                : throw merge.Error($"parts and result in model.vocab (\"{(text.Length <= 60 ? text : text[..57] + "...")}\" is not)");
        }
        return result;
    }

    private static (string Left, string Right) MergePair(JsonField merge)
    {
        string[] parts = merge.IsArray
            ? merge.Items().Take(3).Select(part => part.Text()).ToArray()
            : merge.Text().Split(' ', 3);
        return parts.Length == 2 ? (parts[0], parts[1]) : throw merge.Error("a pair of tokens: \"left right\" or [\"left\", \"right\"]");
    }
}
