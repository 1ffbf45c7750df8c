using System.IO.Hashing;
using System.Text;
using SpmdDbrx.Model.Json;

namespace SpmdDbrx.Model.Prestack;

/// <summary>The manifest's last lines: a hash of all the bytes before them, so that not even a digit of a hash can change unnoticed.</summary>
internal static class ManifestSeal
{
    private const string Start = "\n  \"manifest_xxh3_128\": \"";
    private const string End = "\"\n}\n";
    private const int HashDigits = 32;
    private static readonly int Length = Start.Length + HashDigits + End.Length;

    /// <summary>The lines that seal <paramref name="body"/>.</summary>
    public static byte[] For(ReadOnlySpan<byte> body) => Encoding.ASCII.GetBytes(Start + Hex.Of(XxHash128.HashToUInt128(body)) + End);

    /// <summary>Checks a sealed text and returns the hash of its body.</summary>
    /// <exception cref="InvalidModelException">The text does not end with its seal.</exception>
    public static UInt128 Check(ReadOnlySpan<byte> text, string path)
    {
        int bodyLength = Math.Max(0, text.Length - Length);
        ReadOnlySpan<byte> body = text[..bodyLength];
        byte[] expected = For(body);
        if (text[bodyLength..].SequenceEqual(expected))
            return XxHash128.HashToUInt128(body);
        string found = Encoding.Latin1.GetString(text[bodyLength..]).ReplaceLineEndings(" ").Trim();
        throw new InvalidModelException($"{path}: bytes 0 to {bodyLength}: expected XXH3-128 {Hex.Of(XxHash128.HashToUInt128(body))} in the last line, found {QuotedText.Of(found)}; the manifest is damaged, truncated or edited: run prestack again or copy the file again");
    }
}
