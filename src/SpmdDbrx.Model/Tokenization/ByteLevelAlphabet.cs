using System.Diagnostics.CodeAnalysis;

namespace SpmdDbrx.Model.Tokenization;

/// <summary>
/// The printable letters that stand for the 256 bytes in byte-level vocabularies: a printable Latin-1 byte stands for itself,
/// the other 68 bytes are U+0100, U+0101, … in order (GPT-2's bytes_to_unicode).
/// </summary>
internal static class ByteLevelAlphabet
{
    private const int NotALetter = -1;
    private static readonly char[] Letters = new char[256];
    private static readonly short[] Bytes = new short[0x100 + 68];

    static ByteLevelAlphabet()
    {
        Array.Fill(Bytes, (short)NotALetter);
        char spare = '\u0100';
        for (int value = 0; value < 256; value++)
        {
            bool printable = value is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF);
            Letters[value] = printable ? (char)value : spare++;
            Bytes[Letters[value]] = (short)value;
        }
    }

    /// <summary>The letter that stands for a byte.</summary>
    public static char Letter(byte value) => Letters[value];

    /// <summary>The letters of <paramref name="bytes"/>, one a byte.</summary>
    public static string ToLetters(ReadOnlySpan<byte> bytes)
    {
        char[] letters = new char[bytes.Length];
        for (int i = 0; i < bytes.Length; i++)
            letters[i] = Letters[bytes[i]];
        return new string(letters);
    }

    /// <summary>The bytes that a token's letters stand for; false if a character is no letter of the alphabet.</summary>
    public static bool TryToBytes(string letters, [NotNullWhen(true)] out byte[]? bytes)
    {
        bytes = new byte[letters.Length];
        for (int i = 0; i < letters.Length; i++)
        {
            int value = letters[i] < Bytes.Length ? Bytes[letters[i]] : NotALetter;
            if (value == NotALetter)
            {
                bytes = null;
                return false;
            }
            bytes[i] = (byte)value;
        }
        return true;
    }
}
