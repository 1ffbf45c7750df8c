using System.Globalization;

namespace SpmdDbrx.Compute;

/// <summary>Memory that a host can still give.</summary>
public static class AvailableMemory
{
    private const string Field = "MemAvailable:";

    /// <summary>Bytes, cached files that may be dropped included; where the system does not tell (not Linux), all that this process may use.</summary>
    public static long Bytes()
    {
        long limit = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        return OperatingSystem.IsLinux() && Parse(File.ReadLines("/proc/meminfo")) is long available ? Math.Min(limit, available) : limit;
    }

    /// <summary>Bytes that lines of /proc/meminfo tell of; null when they do not.</summary>
    internal static long? Parse(IEnumerable<string> lines)
    {
        string? line = lines.FirstOrDefault(line => line.StartsWith(Field, StringComparison.Ordinal));
        string? kilobytes = line?[Field.Length..].Replace("kB", "", StringComparison.Ordinal).Trim();
        return long.TryParse(kilobytes, NumberStyles.None, CultureInfo.InvariantCulture, out long value) ? value * 1024 : null;
    }
}
