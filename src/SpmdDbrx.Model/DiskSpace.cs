namespace SpmdDbrx.Model;

/// <summary>Looks before writing whether it will fit.</summary>
internal static class DiskSpace
{
    /// <exception cref="IOException">The disk of <paramref name="directory"/> has fewer free bytes.</exception>
    public static void Require(string directory, long bytes)
    {
        long free = new DriveInfo(directory).AvailableFreeSpace;
        if (free < bytes)
            throw new IOException($"{directory}: expected {bytes} free bytes on this disk, found {free}; nothing was written");
    }
}
