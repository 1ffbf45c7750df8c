using System.Globalization;
using SpmdDbrx.Compute;
using SpmdDbrx.Engine;
using SpmdDbrx.Model;
using SpmdDbrx.Model.Prestack;
using SpmdDbrx.Model.Synthetic;

namespace SpmdDbrx.Cli.Sweeps;

/// <summary>The model of a sweep: a directory that is there, or random weights of given sizes, made once. Prestacked when a system asks for it.</summary>
/// <param name="GivenDirectory">Checkpoint or prestacked directory; null = made.</param>
/// <param name="Config">Sizes of a made one.</param>
/// <param name="Seed">Of a made one's weights.</param>
internal sealed record SweepModel(string? GivenDirectory, ModelConfig? Config, int Seed)
{
    /// <summary>Says what it is, in reports and in the names of folders.</summary>
    public string Name => GivenDirectory is not null
        ? Path.GetFileName(Path.TrimEndingDirectorySeparator(GivenDirectory))
        : string.Create(
            CultureInfo.InvariantCulture,
            $"random-l{Config!.LayerCount}-d{Config.HiddenDim}-h{Config.HeadCount}-kv{Config.KvHeadCount}-e{Config.ExpertCount}-k{Config.TopK}-f{Config.ExpertHiddenDim}-v{Config.VocabularySize}-seed{Seed}");

    /// <summary>Makes what the systems need and is not there yet.</summary>
    /// <param name="work">Folder of made models.</param>
    /// <param name="needsUnstacked">Whether a system reads the checkpoint itself.</param>
    /// <param name="needsPrestacked">Whether a system reads prestacked experts.</param>
    /// <param name="cancellation">Stops it and removes what it wrote.</param>
    /// <exception cref="InvalidInputException">A system needs the checkpoint and the sweep names a prestacked directory.</exception>
    public SweepModelFolders Prepare(string work, bool needsUnstacked, bool needsPrestacked, CancellationToken cancellation)
    {
        string given = GivenDirectory ?? MakeCheckpoint(work, cancellation);
        ModelDirectory model = ModelDirectory.Open(given);
        if (!model.IsPrestacked)
            return new SweepModelFolders(model.Config, given, needsPrestacked ? Prestack(model, work, cancellation) : null);
        if (needsUnstacked)
            throw new InvalidInputException($"model.directory: {given} is prestacked; systems with unstacked experts need the checkpoint");
        return new SweepModelFolders(model.Config, null, given);
    }

    private string MakeCheckpoint(string work, CancellationToken cancellation)
    {
        string folder = Path.Combine(work, Name);
        if (Directory.Exists(folder))
            return folder;
        Directory.CreateDirectory(work);
        using ByteProgressLine progress = new($"making {Name}:");
        SyntheticCheckpoint.Write(Config! with { WeightType = ElementType.BFloat16 }, folder, new SyntheticOptions { Seed = (ulong)Seed }, progress, cancellation);
        return folder;
    }

    private static string Prestack(ModelDirectory checkpoint, string work, CancellationToken cancellation)
    {
        const int FingerprintDigits = 8;
        string name = Path.GetFileName(Path.TrimEndingDirectorySeparator(checkpoint.Path));
        string folder = Path.Combine(work, $"{name}-{checkpoint.Fingerprint[..FingerprintDigits]}.prestacked");
        if (Directory.Exists(folder))
            return folder;
        Directory.CreateDirectory(work);
        using ByteProgressLine progress = new($"prestacking {name}:");
        Prestacker.Run(checkpoint.Path, folder, new PrestackOptions(), progress, cancellation);
        return folder;
    }
}
