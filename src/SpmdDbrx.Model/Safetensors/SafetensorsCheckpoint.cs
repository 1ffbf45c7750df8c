using System.Text.Json;
using SpmdDbrx.Model.Json;

namespace SpmdDbrx.Model.Safetensors;

/// <summary>All tensors of a checkpoint directory: one model.safetensors, or shards named by an index that must agree with their headers.</summary>
internal sealed class SafetensorsCheckpoint
{
    public const string SingleFile = "model.safetensors";
    public const string IndexFile = "model.safetensors.index.json";

    private readonly Dictionary<string, (SafetensorsShard Shard, SafetensorsTensor Tensor)> tensors = [];

    private SafetensorsCheckpoint(string directory, IReadOnlyList<SafetensorsShard> shards)
    {
        Shards = shards;
        foreach (SafetensorsShard shard in shards)
        {
            foreach (SafetensorsTensor tensor in shard.Tensors)
            {
                if (!tensors.TryAdd(tensor.Name, (shard, tensor)))
                    throw new InvalidModelException($"{Path.Combine(directory, shard.File)}: tensor {QuotedText.Of(tensor.Name)}: expected in one shard, found in {Find(tensor.Name).Shard.File} too");
            }
        }
    }

    /// <summary>The files, ordered by name.</summary>
    public IReadOnlyList<SafetensorsShard> Shards { get; }

    /// <summary>How many tensors all files hold together.</summary>
    public int TensorCount => tensors.Count;

    /// <summary>Names of all tensors.</summary>
    public IEnumerable<string> Names => tensors.Keys;

    /// <summary>Whether there is such a tensor.</summary>
    public bool Contains(string name) => tensors.ContainsKey(name);

    /// <summary>A tensor and the file it is in.</summary>
    /// <exception cref="KeyNotFoundException">There is no such tensor.</exception>
    public (SafetensorsShard Shard, SafetensorsTensor Tensor) Find(string name) => tensors[name];

    /// <summary>Reads the headers of all files.</summary>
    /// <exception cref="InvalidModelException">No checkpoint here, a bad file, or index and headers disagree.</exception>
    public static SafetensorsCheckpoint Open(string directory)
    {
        // The order of transformers: a whole file wins over an index.
        if (File.Exists(Path.Combine(directory, SingleFile)))
            return new SafetensorsCheckpoint(directory, [SafetensorsShard.Read(directory, SingleFile)]);
        string indexPath = Path.Combine(directory, IndexFile);
        if (!File.Exists(indexPath))
            throw new InvalidModelException($"{directory}: expected {SingleFile} or {IndexFile}, found neither; only safetensors checkpoints are read");
        Dictionary<string, string> index = ReadIndex(indexPath);
        SafetensorsShard[] shards = [.. index.Values.Distinct().Order(StringComparer.Ordinal).Select(file => SafetensorsShard.Read(directory, file))];
        SafetensorsCheckpoint checkpoint = new(directory, shards);
        checkpoint.RequireAgreement(index, indexPath);
        return checkpoint;
    }

    private static Dictionary<string, string> ReadIndex(string path)
    {
        JsonFields map = JsonFile.ReadObject(path).Object("weight_map")
            ?? throw new InvalidModelException($"{path}: weight_map: expected an object, found nothing");
        Dictionary<string, string> index = [];
        foreach (JsonProperty entry in map.Element.EnumerateObject())
        {
            string file = map.RequiredText(entry.Name);
            if (!ModelFiles.IsPlainName(file))
                throw new InvalidModelException($"{path}: weight_map: {QuotedText.Of(entry.Name)}: expected a file name in this directory, found {QuotedText.Of(file)}");
            index.Add(entry.Name, file);
        }
        return index.Count > 0 ? index : throw new InvalidModelException($"{path}: weight_map: expected tensors, found none");
    }

    private void RequireAgreement(Dictionary<string, string> index, string indexPath)
    {
        foreach ((string name, string file) in index)
        {
            string? found = Contains(name) ? Find(name).Shard.File : null;
            if (found != file)
                throw new InvalidModelException($"{indexPath}: tensor {QuotedText.Of(name)}: expected in {file}, found {(found is null ? "nowhere" : $"in {found}")}");
        }
        if (Names.FirstOrDefault(name => !index.ContainsKey(name)) is { } stray)
            throw new InvalidModelException($"{indexPath}: tensor {QuotedText.Of(stray)}: expected in the index, found only in {Find(stray).Shard.File}");
    }
}
