using Microsoft.Win32.SafeHandles;
using SpmdDbrx.Compute;

namespace SpmdDbrx.Model.Prestack;

/// <summary>Streams checkpoint rows into sections through two buffers of a few megabytes; one of these a thread.</summary>
internal sealed class SectionCopy
{
    private const int ChunkBytes = 8 << 20;

    private readonly IReadOnlyDictionary<string, SafeFileHandle> sources;
    private byte[] input = [];
    private byte[] output = [];

    /// <param name="sources">Open checkpoint files by name.</param>
    public SectionCopy(IReadOnlyDictionary<string, SafeFileHandle> sources) => this.sources = sources;

    /// <summary>Writes the rows of <paramref name="matrices"/> side by side, as <paramref name="section"/> lays them out.</summary>
    /// <param name="section">What to write.</param>
    /// <param name="matrices">Where its matrices lie in the checkpoint, rows without gaps.</param>
    /// <param name="writer">File to append to.</param>
    /// <param name="written">Told how many bytes went out, chunk by chunk.</param>
    public void Run(Section section, IReadOnlyList<WeightLocation> matrices, HashingWriter writer, Action<long> written)
    {
        int stride = checked((int)section.RowStrideBytes);
        int chunkRows = Math.Clamp(ChunkBytes / stride, 1, section.Rows);
        Reserve(ref output, chunkRows * stride);
        for (int row = 0; row < section.Rows; row += chunkRows)
        {
            int rows = Math.Min(chunkRows, section.Rows - row);
            int column = 0;
            for (int matrix = 0; matrix < matrices.Count; matrix++)
            {
                int rowBytes = (int)section.Types[matrix].ByteCount(section.Columns);
                Place(matrices[matrix], row, rows, section.Types[matrix], output.AsSpan(column), stride);
                column += rowBytes;
            }
            writer.Write(output.AsSpan(0, rows * stride));
            written((long)rows * stride);
        }
    }

    private void Place(WeightLocation matrix, int row, int rows, ElementType type, Span<byte> target, int stride)
    {
        int sourceRowBytes = checked((int)matrix.RowStrideBytes);
        int targetRowBytes = (int)type.ByteCount(matrix.Columns);
        long offset = matrix.ByteOffset + (row * matrix.RowStrideBytes);
        if (stride == sourceRowBytes && type == matrix.Type)
        {
            Read(matrix.File, offset, target[..(rows * stride)]);
            return;
        }
        Reserve(ref input, rows * sourceRowBytes);
        Read(matrix.File, offset, input.AsSpan(0, rows * sourceRowBytes));
        for (int index = 0; index < rows; index++)
        {
            Span<byte> source = input.AsSpan(index * sourceRowBytes, sourceRowBytes);
            Span<byte> place = target.Slice(index * stride, targetRowBytes);
            if (type == matrix.Type)
                source.CopyTo(place);
            else
                BFloat16Rounding.Convert(source, matrix.Type, place);
        }
    }

    private void Read(string file, long offset, Span<byte> target)
    {
        while (target.Length > 0)
        {
            int count = RandomAccess.Read(sources[file], target, offset);
            if (count == 0)
                throw new InvalidModelException($"{file}: expected bytes at offset {offset}, found the end of the file: it was truncated while it was read");
            target = target[count..];
            offset += count;
        }
    }

    private static void Reserve(ref byte[] buffer, int bytes)
    {
        if (buffer.Length < bytes)
            buffer = GC.AllocateUninitializedArray<byte>(bytes);
    }
}
