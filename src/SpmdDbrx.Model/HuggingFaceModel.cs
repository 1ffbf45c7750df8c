using System.Buffers.Binary;
using System.IO.Hashing;
using System.Text;
using SpmdDbrx.Compute;
using SpmdDbrx.Model.Dbrx;
using SpmdDbrx.Model.Json;
using SpmdDbrx.Model.Safetensors;

namespace SpmdDbrx.Model;

/// <summary>A Hugging Face checkpoint directory, used as it is: the matrices of all experts of a layer lie in one tensor each (unstacked, [P1] §3).</summary>
public sealed class HuggingFaceModel : ModelDirectory
{
    private readonly SafetensorsCheckpoint checkpoint;

    private HuggingFaceModel(string path, ModelConfig config, SafetensorsCheckpoint checkpoint, string fingerprint) : base(path, config)
    {
        this.checkpoint = checkpoint;
        Fingerprint = fingerprint;
        WeightFiles = [.. checkpoint.Shards.Select(shard => new WeightFile(shard.File, shard.Bytes))];
    }

    /// <inheritdoc/>
    public override bool IsPrestacked => false;

    /// <summary>XXH3-128 over config.json, the header and length of every shard, and the tokenizer's files. The weights' bytes are not read.</summary>
    public override string Fingerprint { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<WeightFile> WeightFiles { get; }

    /// <inheritdoc/>
    public override WeightLocation Embedding => Locate(DbrxTensors.Embedding);

    /// <inheritdoc/>
    public override WeightLocation FinalNorm => Locate(DbrxTensors.FinalNorm);

    /// <inheritdoc/>
    public override WeightLocation LmHead => Locate(DbrxTensors.LmHead);

    /// <inheritdoc/>
    public override WeightLocation AttentionNorm(int layer) => Locate(DbrxTensors.AttentionNorm(layer));

    /// <inheritdoc/>
    public override WeightLocation Wqkv(int layer) => Locate(DbrxTensors.Wqkv(layer));

    /// <inheritdoc/>
    public override WeightLocation AttentionOutput(int layer) => Locate(DbrxTensors.AttentionOutput(layer));

    /// <inheritdoc/>
    public override WeightLocation ExpertNorm(int layer) => Locate(DbrxTensors.ExpertNorm(layer));

    /// <inheritdoc/>
    public override WeightLocation Router(int layer) => Locate(DbrxTensors.Router(layer));

    /// <inheritdoc/>
    public override ExpertLocation Expert(int layer, int expert) =>
        new(LocateExpert(layer, expert, "w1"), LocateExpert(layer, expert, "v1"), LocateExpert(layer, expert, "w2"));

    /// <summary>Opens a checkpoint: config.json and safetensors whose tensors have exactly the names and shapes that it implies.</summary>
    /// <exception cref="InvalidModelException">Anything missing, superfluous or wrong.</exception>
    public static new HuggingFaceModel Open(string path)
    {
        string configPath = System.IO.Path.Combine(path, ModelFiles.Config);
        ModelConfig config = DbrxConfig.Read(JsonFile.ReadObject(configPath));
        SafetensorsCheckpoint checkpoint = SafetensorsCheckpoint.Open(path);
        RequireTensors(path, config, checkpoint);
        ElementType weightType = checkpoint.Find(DbrxTensors.Experts(0, "w1")).Tensor.Type;
        return new HuggingFaceModel(path, config with { WeightType = weightType }, checkpoint, ComputeFingerprint(path, checkpoint));
    }

    private static void RequireTensors(string path, ModelConfig config, SafetensorsCheckpoint checkpoint)
    {
        HashSet<string> expected = [];
        foreach ((string name, long[] shape) in DbrxTensors.All(config))
        {
            if (!checkpoint.Contains(name))
                throw new InvalidModelException($"{path}: tensor '{name}': expected shape [{string.Join(", ", shape)}], found no such tensor");
            (SafetensorsShard shard, SafetensorsTensor tensor) = checkpoint.Find(name);
            if (!tensor.Shape.AsSpan().SequenceEqual(shape))
                throw new InvalidModelException($"{System.IO.Path.Combine(path, shard.File)}: tensor '{name}': expected shape [{string.Join(", ", shape)}] from {ModelFiles.Config}, found [{string.Join(", ", tensor.Shape)}]");
            expected.Add(name);
        }
        if (checkpoint.Names.FirstOrDefault(name => !expected.Contains(name)) is { } extra)
            throw new InvalidModelException($"{path}: tensor {QuotedText.Of(extra)}: expected the {DbrxTensors.Count(config)} tensors of a {config.LayerCount}-layer DBRX, found this one too");
    }

    private static string ComputeFingerprint(string path, SafetensorsCheckpoint checkpoint)
    {
        XxHash128 hash = new();
        Span<byte> number = stackalloc byte[24];
        foreach (SafetensorsShard shard in checkpoint.Shards)
        {
            BinaryPrimitives.WriteUInt128LittleEndian(number, shard.HeaderHash);
            BinaryPrimitives.WriteInt64LittleEndian(number[16..], shard.Bytes);
            hash.Append(number);
        }
        foreach (string file in ModelFiles.Copied(path))
        {
            hash.Append(Encoding.UTF8.GetBytes(file));
            using FileStream stream = File.OpenRead(System.IO.Path.Combine(path, file));
            BinaryPrimitives.WriteInt64LittleEndian(number, stream.Length);
            hash.Append(number[..8]);
            hash.Append(stream);
        }
        return Hex.Of(hash.GetCurrentHashAsUInt128());
    }

    private WeightLocation Locate(string name)
    {
        (SafetensorsShard shard, SafetensorsTensor tensor) = checkpoint.Find(name);
        long columns = tensor.Shape[^1];
        int rows = tensor.Shape.Length == 1 ? 1 : checked((int)tensor.Shape[0]);
        return new WeightLocation(shard.File, tensor.ByteOffset, rows, checked((int)columns), tensor.Type.ByteCount(columns), tensor.Type);
    }

    private WeightLocation LocateExpert(int layer, int expert, string matrix)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(expert);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(expert, Config.ExpertCount);
        (SafetensorsShard shard, SafetensorsTensor tensor) = checkpoint.Find(DbrxTensors.Experts(layer, matrix));
        long stride = tensor.Type.ByteCount(Config.HiddenDim);
        long offset = checked(tensor.ByteOffset + ((long)expert * Config.ExpertHiddenDim * stride));
        return new WeightLocation(shard.File, offset, Config.ExpertHiddenDim, Config.HiddenDim, stride, tensor.Type);
    }
}
