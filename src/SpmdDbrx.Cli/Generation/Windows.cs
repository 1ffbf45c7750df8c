using System.Text.Json;
using SpmdDbrx.Engine.Session;
using SpmdDbrx.Model.Tokenization;

namespace SpmdDbrx.Cli.Generation;

/// <summary>Cuts a text into windows of at most the context, for perplexity.</summary>
internal static class Windows
{
    /// <summary>Windows of a text file (consecutive, the last one shorter), or those of a .jsonl file, one a line.</summary>
    /// <exception cref="EngineException">A window does not fit, holds unknown ids, or nothing can be predicted.</exception>
    /// <exception cref="InvalidDataException">A line is not what it should be.</exception>
    public static IReadOnlyList<int[]> Read(string file, RankSession session)
    {
        if (!File.Exists(file))
            throw new UsageException($"--file {file}: no such file");
        IReadOnlyList<int[]> windows = file.EndsWith(".jsonl", StringComparison.OrdinalIgnoreCase)
            ? [.. Utf8Text.Read(file).Split('\n').Select((line, index) => ReadLine(file, index + 1, line, session)).Where(window => window.Length > 0)]
            : [.. Tokenizer.Load(session.Model.Path).Encode(Utf8Text.Read(file)).Chunk(session.ContextLength)];
        if (windows.All(window => window.Length < 2))
            throw new EngineException($"{file}: expected at least 2 tokens, so that one can be predicted, found {windows.Sum(window => window.Length)}");
        return windows;
    }

    private static int[] ReadLine(string file, int number, string line, RankSession session)
    {
        if (string.IsNullOrWhiteSpace(line))
            return [];
        int[] window = ParseLine(file, number, line, session);
        if (window.Length > session.ContextLength)
            throw new EngineException($"{file}, line {number}: has {window.Length} tokens, the context holds {session.ContextLength}; shorten it or raise --context");
        int unknown = window.FirstOrDefault(token => token < 0 || token >= session.Model.Config.VocabularySize, -1);
        if (unknown != -1 || window.Contains(-1))
            throw new EngineException($"{file}, line {number}: expected ids from 0 to {session.Model.Config.VocabularySize - 1}, found {unknown}");
        return window;
    }

    private static int[] ParseLine(string file, int number, string line, RankSession session)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(line);
            JsonElement root = document.RootElement;
            if (root.ValueKind == JsonValueKind.Object && root.TryGetProperty("ids", out JsonElement ids) && ids.ValueKind == JsonValueKind.Array)
                return [.. ids.EnumerateArray().Select(id => id.GetInt32())];
            if (root.ValueKind == JsonValueKind.Object && root.TryGetProperty("text", out JsonElement text) && text.ValueKind == JsonValueKind.String)
                return Tokenizer.Load(session.Model.Path).Encode(text.GetString()!);
        }
        catch (Exception exception) when (exception is JsonException or FormatException or InvalidOperationException)
        {
            throw new InvalidDataException($"{file}, line {number}: {exception.Message}");
        }
        throw new InvalidDataException($"{file}, line {number}: expected an object with \"text\" or \"ids\"");
    }
}
