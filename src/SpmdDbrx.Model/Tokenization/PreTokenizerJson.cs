using SpmdDbrx.Model.Json;

namespace SpmdDbrx.Model.Tokenization;

/// <summary>Reads tokenizer.json's pre_tokenizer: Split steps and then ByteLevel.</summary>
internal static class PreTokenizerJson
{
    /// <exception cref="InvalidModelException">Another component, or one that is used in another way.</exception>
    public static PreTokenizer Read(JsonFields preTokenizer)
    {
        List<JsonFields> steps = preTokenizer.RequiredText("type") == "Sequence" ? preTokenizer.Objects("pretokenizers").ToList() : [preTokenizer];
        JsonFields last = steps.Count > 0 ? steps[^1] : throw preTokenizer.Wrong("pretokenizers", "steps that end in \"ByteLevel\"");
        if (last.RequiredText("type") != "ByteLevel")
            throw last.Wrong("type", "\"ByteLevel\", alone or last in a \"Sequence\"");
        return new PreTokenizer(
            steps.SkipLast(1).Select(ReadSplit).ToList(),
            addPrefixSpace: last.Boolean("add_prefix_space", absent: true),
            useByteLevelPattern: last.Boolean("use_regex", absent: true));
    }

    private static IPieceSplitter ReadSplit(JsonFields step)
    {
        if (step.RequiredText("type") != "Split")
            throw step.Wrong("type", "\"Split\" before \"ByteLevel\"");
        (bool keepMatches, bool keepGaps) = (step.RequiredText("behavior"), step.Boolean("invert", absent: false)) switch
        {
            ("Isolated", _) => (true, true),
            ("Removed", true) => (true, false),
            ("Removed", false) => (false, true),
            _ => throw step.Wrong("behavior", "\"Isolated\" or \"Removed\""),
        };
        JsonFields pattern = step.RequiredObject("pattern");
        return SplitPattern.TryCreate(pattern.RequiredText("Regex"), keepMatches, keepGaps, out IPieceSplitter? splitter, out string? reason)
            ? splitter
            : throw pattern.Wrong("Regex", $"a supported pattern ({reason})");
    }
}
