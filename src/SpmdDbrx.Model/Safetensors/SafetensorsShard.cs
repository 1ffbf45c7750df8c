using System.IO.Hashing;
using SpmdDbrx.Compute;

namespace SpmdDbrx.Model.Safetensors;

/// <summary>What the header of one file of a checkpoint says.</summary>
/// <param name="File">File name in the checkpoint's directory.</param>
/// <param name="Bytes">Length of the file.</param>
/// <param name="HeaderHash">XXH3-128 of its header.</param>
/// <param name="Tensors">Its tensors in the order of their bytes.</param>
internal sealed record SafetensorsShard(string File, long Bytes, UInt128 HeaderHash, IReadOnlyList<SafetensorsTensor> Tensors)
{
    /// <summary>Reads and checks the header of a file; its tensors' bytes are not touched.</summary>
    /// <exception cref="InvalidModelException">There is no such file, or its header is wrong.</exception>
    public static SafetensorsShard Read(string directory, string file)
    {
        string path = Path.Combine(directory, file);
        if (!System.IO.File.Exists(path))
            throw new InvalidModelException($"{path}: no such file; the checkpoint is incomplete");
        using MappedFile mapped = MappedFile.Open(path);
        List<SafetensorsTensor> tensors = SafetensorsHeader.Read(mapped);
        return new SafetensorsShard(file, mapped.Length, XxHash128.HashToUInt128(SafetensorsHeader.Text(mapped)), tensors);
    }
}
