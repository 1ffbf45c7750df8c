using System.Text.Json;
using Microsoft.Win32.SafeHandles;
using SpmdDbrx.Compute;
using SpmdDbrx.Model.Dbrx;
using SpmdDbrx.Model.Json;
using SpmdDbrx.Model.Safetensors;
using SpmdDbrx.Model.Tokenization;

namespace SpmdDbrx.Model.Synthetic;

/// <summary>Writes DBRX checkpoints of any size in Hugging Face layout with random weights, quickly and always the same, for tests and benchmarks.</summary>
/// <remarks>A matrix that reads n features has deviation 1/√n, so activations stay of order one and routing is near uniform, whatever the sizes.</remarks>
public static class SyntheticCheckpoint
{
    private const int ChunkElements = 1 << 20;

    /// <summary>Writes a checkpoint.</summary>
    /// <param name="config">Sizes and constants; the weight type is that of all weights but perhaps the norms.</param>
    /// <param name="output">Directory to create; appears only when complete.</param>
    /// <param name="options">See <see cref="SyntheticOptions"/>.</param>
    /// <param name="progress">Told how many bytes are written, from several threads.</param>
    /// <param name="cancellation">Stops the run and removes what it wrote.</param>
    /// <exception cref="IOException">The directory is there already, or the disk is full.</exception>
    /// <exception cref="InvalidModelException">The sizes do not fit each other, or the tokenizer not the vocabulary.</exception>
    public static void Write(ModelConfig config, string output, SyntheticOptions options, IProgress<ByteProgress>? progress = null, CancellationToken cancellation = default)
    {
        byte[] configText = DbrxConfigText.Write(config);
        // What it would refuse to read it must not write.
        DbrxConfig.Read(JsonFile.ParseObject(configText, Path.Combine(output, ModelFiles.Config)));
        using DirectoryReplacement target = DirectoryReplacement.Begin(output, force: false);
        if (options.TokenizerDirectory is { } tokenizer)
            CopyTokenizer(tokenizer, target.Path, config);
        File.WriteAllBytes(Path.Combine(target.Path, ModelFiles.Config), configText);

        SyntheticTensor[] tensors = [.. DbrxTensors.All(config).Select(tensor => Describe(config, options, tensor.Name, tensor.Shape))];
        List<List<SyntheticTensor>> shards = Split(tensors, options.ShardBytes);
        long total = tensors.Sum(tensor => tensor.Bytes);
        DiskSpace.Require(target.Path, total);
        long done = 0;
        for (int index = 0; index < shards.Count; index++)
        {
            string file = FileName(index, shards.Count);
            WriteShard(Path.Combine(target.Path, file), shards[index], options,
                bytes => progress?.Report(new ByteProgress(Interlocked.Add(ref done, bytes), total, file)), cancellation);
        }
        if (shards.Count > 1)
            File.WriteAllBytes(Path.Combine(target.Path, SafetensorsCheckpoint.IndexFile), Index(shards, total));
        target.Commit();
    }

    private static SyntheticTensor Describe(ModelConfig config, SyntheticOptions options, string name, long[] shape)
    {
        // Norm weights near but not at 1: a forgotten norm weight must show.
        if (shape.Length == 1)
            return new SyntheticTensor(name, shape, options.NormType ?? config.WeightType, 1, 0.1f);
        bool isEmbedding = name == DbrxTensors.Embedding;
        // w2 is stored like w1, one row a hidden unit, but sums over the hidden units.
        bool isDown = name.EndsWith(".w2", StringComparison.Ordinal);
        long features = isEmbedding ? 1 : isDown ? config.ExpertHiddenDim : shape[1];
        return new SyntheticTensor(name, shape, (isDown ? options.DownType : null) ?? config.WeightType, 0, 1 / MathF.Sqrt(features));
    }

    private static List<List<SyntheticTensor>> Split(SyntheticTensor[] tensors, long shardBytes)
    {
        List<List<SyntheticTensor>> shards = [[]];
        long bytes = 0;
        foreach (SyntheticTensor tensor in tensors)
        {
            if (shards[^1].Count > 0 && bytes + tensor.Bytes > shardBytes)
            {
                shards.Add([]);
                bytes = 0;
            }
            shards[^1].Add(tensor);
            bytes += tensor.Bytes;
        }
        return shards;
    }

    private static string FileName(int index, int count) =>
        count == 1 ? SafetensorsCheckpoint.SingleFile : $"model-{index + 1:D5}-of-{count:D5}.safetensors";

    private static void WriteShard(string path, List<SyntheticTensor> tensors, SyntheticOptions options, Action<long> written, CancellationToken cancellation)
    {
        byte[] header = SafetensorsHeaderText.Write(tensors.Select(tensor => (tensor.Name, tensor.Type, tensor.Shape)));
        long length = header.Length + tensors.Sum(tensor => tensor.Bytes);
        using SafeFileHandle handle = File.OpenHandle(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, FileOptions.None, length);
        RandomAccess.Write(handle, header, 0);
        Workers.Run(Chunks(tensors, header.Length), options.Threads, () => new byte[ChunkElements * sizeof(float)], (chunk, buffer) =>
        {
            SyntheticTensor tensor = chunk.Tensor;
            Span<byte> bytes = buffer.AsSpan(0, (int)tensor.Type.ByteCount(Math.Min(ChunkElements, tensor.Count - chunk.FirstElement)));
            UniformFill.Fill(bytes, tensor.Type, tensor.Key(options.Seed), chunk.FirstElement, tensor.Mean, tensor.Deviation);
            RandomAccess.Write(handle, bytes, chunk.Offset + tensor.Type.ByteCount(chunk.FirstElement));
            written(bytes.Length);
        }, cancellation);
        RandomAccess.FlushToDisk(handle);
    }

    private static IEnumerable<(SyntheticTensor Tensor, long FirstElement, long Offset)> Chunks(List<SyntheticTensor> tensors, long offset)
    {
        foreach (SyntheticTensor tensor in tensors)
        {
            for (long first = 0; first < tensor.Count; first += ChunkElements)
                yield return (tensor, first, offset);
            offset += tensor.Bytes;
        }
    }

    private static byte[] Index(List<List<SyntheticTensor>> shards, long totalBytes)
    {
        SortedDictionary<string, string> map = new(StringComparer.Ordinal);
        for (int index = 0; index < shards.Count; index++)
        {
            foreach (SyntheticTensor tensor in shards[index])
                map.Add(tensor.Name, FileName(index, shards.Count));
        }
        return JsonSerializer.SerializeToUtf8Bytes(new { metadata = new { total_size = totalBytes }, weight_map = map });
    }

    private static void CopyTokenizer(string source, string target, ModelConfig config)
    {
        int size = Tokenizer.Load(source).VocabularySize;
        if (size > config.VocabularySize)
            throw new InvalidModelException($"{source}: expected a tokenizer of at most {config.VocabularySize} tokens, found {size}");
        foreach (string file in ModelFiles.Copied(source).Where(file => file != ModelFiles.Config))
            File.Copy(Path.Combine(source, file), Path.Combine(target, file));
    }
}
