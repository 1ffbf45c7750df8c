using System.Text.Json;
using SpmdDbrx.Model.Json;

namespace SpmdDbrx.Model;

/// <summary>When generation ends, as the model's files say.</summary>
/// <param name="EosTokenIds">Tokens that end a text; empty if no file names any, then the tokenizer's own end-of-text token holds.</param>
public sealed record GenerationConfig(IReadOnlyList<int> EosTokenIds)
{
    /// <summary>Reads eos_token_id, one number or a list, from generation_config.json or else from config.json.</summary>
    /// <exception cref="InvalidModelException">It is neither a token id nor a list of them.</exception>
    public static GenerationConfig Load(string directory)
    {
        foreach (string file in new[] { ModelFiles.GenerationConfig, ModelFiles.Config })
        {
            string path = Path.Combine(directory, file);
            if (File.Exists(path) && JsonFile.ReadObject(path) is var root && root.Value("eos_token_id") is { } value)
                return new GenerationConfig(ReadIds(root, value));
        }
        return new GenerationConfig([]);
    }

    private static List<int> ReadIds(JsonFields root, JsonElement value)
    {
        IEnumerable<JsonElement> items = value.ValueKind == JsonValueKind.Array ? value.EnumerateArray() : [value];
        List<int> ids = [];
        foreach (JsonElement item in items)
        {
            bool isId = item.ValueKind == JsonValueKind.Number && item.TryGetInt32(out int id) && id >= 0;
            ids.Add(isId ? item.GetInt32() : throw root.Wrong("eos_token_id", "a token id or a list of token ids"));
        }
        return ids;
    }
}
