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

    /// <summary>Opens either kind, told apart by manifest.json and config.json.</summary>
    /// <exception cref="InvalidModelException">Neither kind, or a bad one.</exception>
    public static ModelDirectory Open(string path) => throw new InvalidModelException($"{path}: not a model directory");
}
