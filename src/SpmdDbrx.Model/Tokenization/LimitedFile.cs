namespace SpmdDbrx.Model.Tokenization;

/// <summary>Reads small files whole, and refuses large ones before reading.</summary>
internal static class LimitedFile
{
    /// <exception cref="InvalidModelException">The file is missing, unreadable or longer than <paramref name="limitBytes"/>.</exception>
    public static byte[] ReadAllBytes(string path, long limitBytes)
    {
        try
        {
            using FileStream stream = File.OpenRead(path);
            if (stream.Length > limitBytes)
                throw new InvalidModelException($"{path}: expected at most {limitBytes:N0} bytes, found {stream.Length:N0}");
            byte[] bytes = new byte[stream.Length];
            stream.ReadExactly(bytes);
            return bytes;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new InvalidModelException($"{path}: cannot be read: {error.Message}", error);
        }
    }
}
