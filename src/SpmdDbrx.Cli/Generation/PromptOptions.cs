using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using SpmdDbrx.Model.Chat;
using SpmdDbrx.Model.Tokenization;

namespace SpmdDbrx.Cli.Generation;

/// <summary>Where prompts come from: exactly one of text, file, JSON lines, or raw ids.</summary>
internal sealed record PromptOptions(string? Text, string? File, string? BatchFile, string? Tokens, bool Chat)
{
    /// <summary>Adds the options to a command and returns how to read them.</summary>
    public static Func<ParseResult, PromptOptions> AddTo(Command command, Settings settings)
    {
        Option<string?> text = settings.Option<string?>("--prompt", null, "the prompt; special tokens such as <|im_start|> are recognised", "TEXT", "-p");
        Option<string?> file = settings.Option<string?>("--prompt-file", null, "read the prompt from a UTF-8 file; - = standard input", "F");
        Option<string?> batch = settings.Option<string?>("--prompts", null, "batch: one {\"prompt\": …} a line, one result a line", "F.jsonl");
        Option<string?> tokens = settings.Option<string?>("--prompt-tokens", null, "the prompt as token ids: 1,2,3", "IDS");
        Option<bool> chat = settings.Option("--chat", false, "apply the model's chat template to the prompt as a user's message");
        foreach (Option option in (Option[])[text, file, batch, tokens, chat])
            command.Options.Add(option);
        command.Validators.Add(result =>
        {
            int sources = new[] { result.GetValue(text), result.GetValue(file), result.GetValue(batch), result.GetValue(tokens) }.Count(value => value is not null);
            if (sources != 1)
                result.AddError($"expected one of --prompt, --prompt-file, --prompts and --prompt-tokens, found {sources}");
            else if (result.GetValue(chat) && result.GetValue(tokens) is not null)
                result.AddError("--chat: the chat template needs text; give --prompt instead of --prompt-tokens");
        });
        return parsed => new PromptOptions(
            parsed.GetValue(text), parsed.GetValue(file), parsed.GetValue(batch), parsed.GetValue(tokens), parsed.GetValue(chat));
    }

    /// <summary>Token ids of every prompt, in order.</summary>
    /// <param name="modelPath">For the chat template.</param>
    /// <param name="tokenizer">Null when the model has none.</param>
    /// <exception cref="UsageException">Bad ids, or text without a tokenizer.</exception>
    public IReadOnlyList<int[]> Read(string modelPath, Tokenizer? tokenizer)
    {
        if (Tokens is not null)
            return [ParseTokens(Tokens)];
        if (tokenizer is null)
            throw new UsageException($"{modelPath}: has no tokenizer.json; give the prompt as --prompt-tokens");
        ChatTemplate? template = Chat ? ChatTemplate.Load(modelPath) : null;
        return [.. ReadTexts().Select(text => tokenizer.Encode(
            template is null ? text : template.Render([new ChatMessage("user", text)], addGenerationPrompt: true), parseSpecialTokens: true))];
    }

    private IEnumerable<string> ReadTexts()
    {
        if (Text is not null)
            return [Text];
        if (File != "-" && !System.IO.File.Exists(File ?? BatchFile))
            throw new UsageException($"{(File is null ? "--prompts" : "--prompt-file")} {File ?? BatchFile}: no such file");
        if (BatchFile is not null)
            return ReadBatch(BatchFile);
        return [File == "-" ? Utf8Text.ReadStandardInput() : Utf8Text.Read(File!)];
    }

    private static IEnumerable<string> ReadBatch(string file)
    {
        string[] lines = Utf8Text.Read(file).Split('\n');
        if (lines.All(string.IsNullOrWhiteSpace))
            throw new UsageException($"--prompts {file}: expected one {{\"prompt\": …}} a line, found an empty file");
        return lines.Select((line, index) => (line, index)).Where(entry => !string.IsNullOrWhiteSpace(entry.line))
            .Select(entry => ReadPrompt(file, entry.line, entry.index + 1));
    }

    private static string ReadPrompt(string file, string line, int number)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(line);
            if (document.RootElement.ValueKind == JsonValueKind.Object
                && document.RootElement.TryGetProperty("prompt", out JsonElement prompt) && prompt.ValueKind == JsonValueKind.String)
                return prompt.GetString()!;
        }
        catch (JsonException exception)
        {
            throw new InvalidDataException($"{file}, line {number}: not JSON: {exception.Message}");
        }
        throw new InvalidDataException($"{file}, line {number}: expected an object with a string \"prompt\"");
    }

    private static int[] ParseTokens(string text)
    {
        string[] parts = text.Split(',', StringSplitOptions.TrimEntries);
        int[] tokens = new int[parts.Length];
        for (int index = 0; index < parts.Length; index++)
        {
            if (!int.TryParse(parts[index], NumberStyles.None, CultureInfo.InvariantCulture, out tokens[index]))
                throw new UsageException($"--prompt-tokens: expected ids separated by commas, found '{parts[index]}' at place {index + 1}");
        }
        return tokens;
    }
}
