using System.Security.Cryptography;
using System.Text;
using Serilog;
using SpmdDbrx.Compute;
using SpmdDbrx.Engine;
using SpmdDbrx.Engine.Performance.Calibration;
using SpmdDbrx.Mpi;

namespace SpmdDbrx.Cli.Choosing;

/// <summary>What was measured of a cluster, kept on rank 0's machine for the next start: a file for each set of hosts, ranks, devices, threads and build.
/// It is measured anew after <see cref="DaysKept"/> days: nothing tells of a network that has changed between the same hosts.</summary>
internal sealed class CalibrationCache
{
    /// <summary>Days after which a file counts no longer.</summary>
    public const int DaysKept = 7;

    private const int NameBytes = 256;
    private readonly string file;
    private readonly int ranksPerHost;

    private CalibrationCache(string file, int ranksPerHost)
    {
        this.file = file;
        this.ranksPerHost = ranksPerHost;
    }

    /// <summary>Where the files lie: $XDG_CACHE_HOME or ~/.cache, ~/Library/Caches on macOS.</summary>
    public static string Folder
    {
        get
        {
            string home = System.Environment.GetFolderPath(System.Environment.SpecialFolder.UserProfile);
            string? xdg = System.Environment.GetEnvironmentVariable("XDG_CACHE_HOME");
            string caches = OperatingSystem.IsMacOS() ? Path.Combine(home, "Library", "Caches")
                : Path.IsPathRooted(xdg) ? xdg
                : Path.Combine(home, ".cache");
            return Path.Combine(caches, "spmd-dbrx");
        }
    }

    /// <summary>The calibration of these ranks, from the cache or measured now; a collective call. Rank 0 gets the one that it read or wrote,
    /// the others the one they measured or none.</summary>
    /// <param name="world">All ranks.</param>
    /// <param name="device">This rank's processor.</param>
    /// <param name="tokenFloats">d_model.</param>
    /// <param name="ranksPerHost">Ranks of the fullest host.</param>
    /// <param name="anew">Measure in any case.</param>
    public static ClusterCalibration? Obtain(Intracommunicator world, IDevice device, int tokenFloats, int ranksPerHost, bool anew)
    {
        CalibrationCache cache = new(Path.Combine(Folder, $"calibration-{Key(world, device, tokenFloats)}.json"), ranksPerHost);
        ClusterCalibration? known = world.Rank == 0 && !anew ? cache.Read() : null;
        Span<int> isKnown = [known is null ? 0 : 1];
        world.Broadcast(isKnown, 0);
        if (isKnown[0] == 1)
            return known;
        if (world.Rank == 0)
            Log.Information("measuring the cluster for {File}", cache.file);
        ClusterCalibration measured = ClusterCalibration.Measure(world, device, tokenFloats);
        if (world.Rank == 0)
            cache.Save(measured);
        return measured;
    }

    /// <summary>16 hexadecimal digits over the hosts in order with their ranks, devices and threads, d_model and the program's build.</summary>
    private static string Key(Intracommunicator world, IDevice device, int tokenFloats)
    {
        byte[] own = new byte[NameBytes];
        string rank = $"{System.Environment.MachineName} {device.Name} {device.Description}";
        Encoding.UTF8.GetEncoder().Convert(rank, own, flush: true, out _, out _, out _);
        byte[] all = new byte[world.Size * NameBytes];
        world.Allgather<byte>(own, all);
        IEnumerable<string> ranks = all.Chunk(NameBytes).Select(name => Encoding.UTF8.GetString(name).TrimEnd('\0')).Order(StringComparer.Ordinal);
        string key = string.Join('\n', [Build(typeof(IDevice)), Build(typeof(ClusterCalibration)), $"{tokenFloats}", .. ranks]);
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key))[..8]);
    }

    private static string Build(Type type) => type.Assembly.ManifestModule.ModuleVersionId.ToString();

    private ClusterCalibration? Read()
    {
        try
        {
            if (!File.Exists(file) || DateTime.UtcNow - File.GetLastWriteTimeUtc(file) > TimeSpan.FromDays(DaysKept))
                return null;
            ClusterCalibration known = CalibrationFile.Load(file, ranksPerHost);
            return known.Network is null ? throw new InvalidInputException($"{file}: network: missing") : known;
        }
        catch (InvalidInputException exception)
        {
            Log.Warning("{Problem}; measuring again", exception.Message);
            return null;
        }
    }

    private void Save(ClusterCalibration calibration)
    {
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            using PendingFile pending = new(file);
            CalibrationFile.Write(pending.Stream, calibration);
            pending.Complete();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            Log.Warning("the next start has to measure again: {Problem}", exception.Message);
        }
    }
}
