namespace SpmdDbrx.Model.Tokenization;

/// <summary>Reads tokenizer.json's pre_tokenizer: Split steps and then ByteLevel.</summary>
internal static class PreTokenizerJson
{
    /// <exception cref="InvalidModelException">Another component, or one that is used in another way.</exception>
    public static PreTokenizer Read(JsonField preTokenizer)
    {
        List<JsonField> steps = IsOfType(preTokenizer, "Sequence") ? preTokenizer.Required("pretokenizers").Items().ToList() : [preTokenizer];
        if (steps.Count == 0 || !IsOfType(steps[^1], "ByteLevel"))
            throw (steps.Count == 0 ? preTokenizer : steps[^1].Required("type")).Error("\"ByteLevel\", alone or last in a \"Sequence\"");
        JsonField byteLevel = steps[^1];
        return new PreTokenizer(
            steps.SkipLast(1).Select(ReadSplit).ToList(),
            addPrefixSpace: byteLevel.Boolean("add_prefix_space", absent: true),
            useByteLevelPattern: byteLevel.Boolean("use_regex", absent: true));
    }

    private static IPieceSplitter ReadSplit(JsonField step)
    {
        if (!IsOfType(step, "Split"))
            throw step.Required("type").Error("\"Split\" before \"ByteLevel\"");
        JsonField pattern = step.Required("pattern");
        bool invert = step.Boolean("invert", absent: false);
        JsonField behavior = step.Required("behavior");
        (bool keepMatches, bool keepGaps) = (behavior.Text(), invert) switch
        {
            ("Isolated", _) => (true, true),
            ("Removed", true) => (true, false),
            ("Removed", false) => (false, true),
            _ => throw behavior.Error("\"Isolated\" or \"Removed\""),
        };
        if (pattern.Optional("Regex") is { } regex)
            return SplitPattern.ForRegex(regex, keepMatches, keepGaps);
        return SplitPattern.ForLiteral(pattern.Required("String"), keepMatches, keepGaps);
    }

    private static bool IsOfType(JsonField component, string type) => component.Required("type").Text() == type;
}
