using System.Text;

namespace SpmdDbrx.Model.Tokenization;

/// <summary>Tables by id and by byte, made from a vocabulary.</summary>
internal static class VocabularyTable
{
    /// <summary>Bytes of every id up to the largest; null for gaps. Tokens that are not spelled in the byte-level alphabet stand for themselves.</summary>
    public static byte[]?[] BytesById(TokenizerParts parts, IReadOnlyList<AddedToken> addedTokens)
    {
        int largest = parts.Vocabulary.Values.Concat(addedTokens.Select(token => token.Id)).DefaultIfEmpty(BytePairModel.NoToken).Max();
        var bytesById = new byte[]?[largest + 1];
        foreach ((string letters, int id) in parts.Vocabulary)
            bytesById[id] = ByteLevelAlphabet.TryToBytes(letters, out byte[]? bytes) ? bytes : Encoding.UTF8.GetBytes(letters);
        foreach (AddedToken token in addedTokens)
            bytesById[token.Id] = Encoding.UTF8.GetBytes(token.Content);
        return bytesById;
    }

    /// <summary>Token of each byte [256]; -1 for the 13 bytes that no UTF-8 text has.</summary>
    /// <exception cref="InvalidModelException">A byte that text may have has no token, so that text would be lost.</exception>
    public static int[] ByteTokens(TokenizerParts parts)
    {
        int[] tokens = new int[256];
        for (int value = 0; value < 256; value++)
        {
            string letter = ByteLevelAlphabet.Letter((byte)value).ToString();
            tokens[value] = parts.Vocabulary.GetValueOrDefault(letter, BytePairModel.NoToken);
            bool occursInUtf8 = value is not (0xC0 or 0xC1 or >= 0xF5);
            if (tokens[value] == BytePairModel.NoToken && occursInUtf8)
                throw new InvalidModelException($"{parts.File}: vocabulary: expected a token for every byte, found none for byte 0x{value:X2} (\"{letter}\")");
        }
        return tokens;
    }
}
