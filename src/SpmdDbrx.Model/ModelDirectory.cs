using SpmdDbrx.Compute;
using SpmdDbrx.Model.Prestack;

namespace SpmdDbrx.Model;

/// <summary>A model on disk, as a rank sees it: sizes, and where each weight lies. Prestacked directories and Hugging Face checkpoints are the two kinds.</summary>
public abstract class ModelDirectory
{
    protected ModelDirectory(string path, ModelConfig config)
    {
        Path = path;
        Config = config;
    }

    /// <summary>The directory.</summary>
    public string Path { get; }

    /// <summary>Sizes and constants.</summary>
    public ModelConfig Config { get; }

    /// <summary>Whether each expert is one contiguous array in a file of its own ([P1] §4.1).</summary>
    public abstract bool IsPrestacked { get; }

    /// <summary>32 hexadecimal digits that are equal exactly if configuration, weights and tokenizer are equal; ranks compare it before the first token.</summary>
    public abstract string Fingerprint { get; }

    /// <summary>All files with weights. Of a prestacked directory, files of experts that other machines host may be missing.</summary>
    public abstract IReadOnlyList<WeightFile> WeightFiles { get; }

    /// <summary>Token embedding [vocabulary, D].</summary>
    public abstract WeightLocation Embedding { get; }

    /// <summary>Weight of the last norm [1, D].</summary>
    public abstract WeightLocation FinalNorm { get; }

    /// <summary>LM head [vocabulary, D].</summary>
    public abstract WeightLocation LmHead { get; }

    /// <summary>Weight of the norm before attention [1, D].</summary>
    public abstract WeightLocation AttentionNorm(int layer);

    /// <summary>Fused projection [QkvDim, D]: all q rows, all k rows, all v rows.</summary>
    public abstract WeightLocation Wqkv(int layer);

    /// <summary>Attention output projection [D, QueryDim].</summary>
    public abstract WeightLocation AttentionOutput(int layer);

    /// <summary>Weight of the norm before the experts [1, D].</summary>
    public abstract WeightLocation ExpertNorm(int layer);

    /// <summary>Router [E, D].</summary>
    public abstract WeightLocation Router(int layer);

    /// <summary>One expert of one layer.</summary>
    public abstract ExpertLocation Expert(int layer, int expert);

    /// <summary>Everything but the experts, in the order in which a prestacked directory stores it.</summary>
    public IEnumerable<WeightLocation> SharedWeights()
    {
        yield return Embedding;
        for (int layer = 0; layer < Config.LayerCount; layer++)
        {
            yield return AttentionNorm(layer);
            yield return Wqkv(layer);
            yield return AttentionOutput(layer);
            yield return ExpertNorm(layer);
            yield return Router(layer);
        }
        yield return FinalNorm;
        yield return LmHead;
    }

    /// <summary>Whether the files with an expert's weights are in the directory.</summary>
    public bool HasExpert(int expert) => Enumerable.Range(0, Config.LayerCount)
        .Select(layer => Expert(layer, expert))
        .SelectMany(location => new[] { location.W1.File, location.V1.File, location.W2.File })
        .Distinct()
        .All(file => File.Exists(System.IO.Path.Combine(Path, file)));

    /// <summary>Maps a file of this model whose name a <see cref="WeightLocation"/> gives.</summary>
    /// <exception cref="InvalidModelException">It is missing or not as long as it must be.</exception>
    public MappedFile Map(string file)
    {
        string path = System.IO.Path.Combine(Path, file);
        long expected = WeightFiles.Single(weights => weights.Name == file).Bytes;
        if (!File.Exists(path))
            throw new InvalidModelException($"{path}: expected {expected} bytes, found no such file; copy it to this machine");
        MappedFile mapped = MappedFile.Open(path);
        if (mapped.Length == expected)
            return mapped;
        mapped.Dispose();
        throw new InvalidModelException($"{path}: expected {expected} bytes, found {mapped.Length}; copy the file again");
    }

    /// <summary>Opens either kind, told apart by manifest.json and config.json.</summary>
    /// <exception cref="InvalidModelException">Neither kind, or a bad one.</exception>
    public static ModelDirectory Open(string path)
    {
        if (!Directory.Exists(path))
            throw new InvalidModelException($"{path}: expected a model directory, found {(File.Exists(path) ? "a file" : "nothing")}");
        if (File.Exists(System.IO.Path.Combine(path, Manifest.FileName)))
            return PrestackedModel.Open(path);
        if (Directory.Exists(System.IO.Path.Combine(path, PrestackLayout.ExpertFolder)))
            throw new InvalidModelException($"{path}: expected {Manifest.FileName}, found a prestacked directory without one: the run that wrote it did not finish; run prestack again");
        if (File.Exists(System.IO.Path.Combine(path, ModelFiles.Config)))
            return HuggingFaceModel.Open(path);
        throw new InvalidModelException($"{path}: expected a model directory with {Manifest.FileName} (prestacked) or {ModelFiles.Config} (Hugging Face checkpoint), found neither");
    }
}
