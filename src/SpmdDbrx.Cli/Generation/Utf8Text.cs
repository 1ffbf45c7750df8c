using System.Text;

namespace SpmdDbrx.Cli.Generation;

/// <summary>Text that users give in files: strict UTF-8, so that what the model reads is what the file says. A byte-order mark at its start is dropped.</summary>
internal static class Utf8Text
{
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>A whole file.</summary>
    /// <exception cref="InvalidDataException">It is not UTF-8: names the file and the first wrong byte.</exception>
    public static string Read(string file) => Decode(File.ReadAllBytes(file), file);

    /// <summary>All of standard input.</summary>
    /// <exception cref="InvalidDataException">It is not UTF-8.</exception>
    public static string ReadStandardInput()
    {
        using Stream input = Console.OpenStandardInput();
        using MemoryStream bytes = new();
        input.CopyTo(bytes);
        return Decode(bytes.ToArray(), "standard input");
    }

    private static string Decode(ReadOnlySpan<byte> bytes, string name)
    {
        ReadOnlySpan<byte> mark = Encoding.UTF8.Preamble;
        int start = bytes.StartsWith(mark) ? mark.Length : 0;
        try
        {
            return Strict.GetString(bytes[start..]);
        }
        catch (DecoderFallbackException exception)
        {
            int offset = start + exception.Index;
            bool isUtf16 = bytes is [0xFF, 0xFE, ..] or [0xFE, 0xFF, ..];
            throw new InvalidDataException(
                $"{name}: expected UTF-8, found byte 0x{bytes[offset]:X2} at offset {offset}; {(isUtf16 ? "it looks like UTF-16: iconv -f UTF-16 -t UTF-8" : "convert it, for example: iconv -f LATIN1 -t UTF-8")}");
        }
    }
}
