using System.Text.Json;
using SpmdDbrx.Model.Json;

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
        JsonFields root = JsonFile.ReadObject(path);
        JsonFields model = root.RequiredObject("model");
        RequirePlainBytePairs(model);
        RequireByteLevelDecoder(root.Object("decoder"));
        RequireNoTokensAdded(root.Object("post_processor"));
        Dictionary<string, int> vocabulary = ReadVocabulary(model.RequiredObject("vocab"));
        return new TokenizerParts
        {
            File = path,
            Vocabulary = vocabulary,
            Model = ReadMerges(model, vocabulary),
            PreTokenizer = PreTokenizerJson.Read(root.RequiredObject("pre_tokenizer")),
            NormalizesToFormC = NormalizesToFormC(root.Object("normalizer")),
            AddedTokens = root.Value("added_tokens") is null ? [] : root.Objects("added_tokens").Select(ReadAddedToken).ToList(),
        };
    }

    private static AddedToken ReadAddedToken(JsonFields token) => AddedToken.Read(token, Id(token, "id"));

    private static int Id(JsonFields fields, string name) => (int)fields.Integer(name, 0, BytePairModel.MaximumVocabularySize - 1);

    private static void RequirePlainBytePairs(JsonFields model)
    {
        // Files older than tokenizers 0.8 have no type; only BPE has merges.
        if (model.Text("type") is not (null or "BPE"))
            throw model.Wrong("type", "\"BPE\"");
        if (model.Value("dropout") is not null)
            throw model.Wrong("dropout", "null (encoding must be repeatable)");
        foreach (string affix in (string[])["continuing_subword_prefix", "end_of_word_suffix"])
        {
            if (model.Text(affix) is not (null or ""))
                throw model.Wrong(affix, "no text (byte-level BPE)");
        }
        if (model.Boolean("byte_fallback", absent: false))
            throw model.Wrong("byte_fallback", "false (byte-level BPE has a token for every byte)");
    }

    private static void RequireByteLevelDecoder(JsonFields? decoder)
    {
        if (decoder is { } component && component.RequiredText("type") != "ByteLevel")
            throw component.Wrong("type", "\"ByteLevel\"");
    }

    private static void RequireNoTokensAdded(JsonFields? postProcessor)
    {
        if (postProcessor is not { } component)
            return;
        switch (component.RequiredText("type"))
        {
            case "ByteLevel":
                return;
            case "Sequence":
                foreach (JsonFields member in component.Objects("processors"))
                    RequireNoTokensAdded(member);
                return;
            case "TemplateProcessing" when component.Objects("single").All(item => item.Has("Sequence")):
                return;
            default:
                throw component.Wrong("type", "null, \"ByteLevel\" or a \"TemplateProcessing\" that adds no tokens");
        }
    }

    private static bool NormalizesToFormC(JsonFields? normalizer)
    {
        if (normalizer is not { } component)
            return false;
        return component.RequiredText("type") switch
        {
            "NFC" => true,
            "Sequence" => component.Objects("normalizers").Aggregate(false, (any, member) => NormalizesToFormC(member) || any),
            _ => throw component.Wrong("type", "\"NFC\", or normalizer null"),
        };
    }

    private static Dictionary<string, int> ReadVocabulary(JsonFields vocab)
    {
        var vocabulary = new Dictionary<string, int>(StringComparer.Ordinal);
        var takenIds = new HashSet<int>();
        foreach (JsonProperty token in vocab.Element.EnumerateObject())
        {
            bool isId = token.Value.ValueKind == JsonValueKind.Number && token.Value.TryGetInt32(out _);
            int id = isId ? token.Value.GetInt32() : -1;
            if (id is < 0 or >= BytePairModel.MaximumVocabularySize || !takenIds.Add(id))
                throw Wrong($"an id below {BytePairModel.MaximumVocabularySize} that no other token has");
            vocabulary.Add(token.Name, id);

            InvalidModelException Wrong(string expected) =>
                new($"{vocab.Source}: model.vocab: token {QuotedText.Of(token.Name)}: expected {expected}, found {QuotedText.Of(token.Value.GetRawText())}");
        }
        return vocabulary;
    }

    private static BytePairModel ReadMerges(JsonFields model, Dictionary<string, int> vocabulary)
    {
        JsonElement merges = model.Array("merges");
        var result = new BytePairModel(vocabulary, merges.GetArrayLength()) { WholePieceFirst = model.Boolean("ignore_merges", absent: false) };
        int rank = 0;
        foreach (JsonElement merge in merges.EnumerateArray())
        {
            string[] parts = MergeParts(merge);
            if (parts.Length != 2)
                throw Wrong("a pair of tokens, \"left right\" or [\"left\", \"right\"]");
            result.AddMerge(Token(parts[0]), Token(parts[1]), new BytePairMerge(rank++, Token(parts[0] + parts[1])));

            int Token(string text) => vocabulary.TryGetValue(text, out int token)
                ? token
                : throw Wrong($"parts and result in model.vocab, where {QuotedText.Of(text)} is not");
            InvalidModelException Wrong(string expected) =>
                new($"{model.Source}: model.merges[{rank}]: expected {expected}, found {QuotedText.Of(merge.GetRawText())}");
        }
        return result;
    }

    /// <summary>The parts of a merge; another number than two if it is none.</summary>
    private static string[] MergeParts(JsonElement merge)
    {
        try
        {
            return merge.ValueKind switch
            {
                JsonValueKind.String => merge.GetString()!.Split(' ', 3),
                JsonValueKind.Array => merge.EnumerateArray().Take(3).Select(part => part.GetString() ?? "").ToArray(),
                _ => [],
            };
        }
        catch (InvalidOperationException)
        {
            // A part that is no string, or one with half a surrogate pair.
            return [];
        }
    }
}
