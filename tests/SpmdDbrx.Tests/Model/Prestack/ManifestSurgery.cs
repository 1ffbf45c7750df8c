using System.Globalization;
using System.IO.Hashing;
using System.Text;
using System.Text.Json.Nodes;

namespace SpmdDbrx.Tests.Model.Prestack;

/// <summary>Changes a manifest and seals it again, as an attacker would.</summary>
internal static class ManifestSurgery
{
    public static void Change(string directory, Action<JsonObject> change)
    {
        string path = Path.Combine(directory, "manifest.json");
        JsonObject root = JsonNode.Parse(File.ReadAllBytes(path))!.AsObject();
        root.Remove("manifest_xxh3_128");
        change(root);
        byte[] body = Encoding.UTF8.GetBytes(root.ToJsonString()[..^1] + ",");
        string hash = XxHash128.HashToUInt128(body).ToString("x32", CultureInfo.InvariantCulture);
        File.WriteAllBytes(path, [.. body, .. Encoding.ASCII.GetBytes($"\n  \"manifest_xxh3_128\": \"{hash}\"\n}}\n")]);
    }
}
