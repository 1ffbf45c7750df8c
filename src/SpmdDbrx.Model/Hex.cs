using System.Globalization;

namespace SpmdDbrx.Model;

/// <summary>Hashes as text: lower-case hexadecimal digits, the most significant first, as xxhsum prints them.</summary>
internal static class Hex
{
    public static string Of(ulong hash) => hash.ToString("x16", CultureInfo.InvariantCulture);

    public static string Of(UInt128 hash) => hash.ToString("x32", CultureInfo.InvariantCulture);
}
