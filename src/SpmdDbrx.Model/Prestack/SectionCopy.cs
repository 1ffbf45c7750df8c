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

    /// <summary>Writes <paramref name="matrices"/> one after the other, each strip by strip, as <paramref name="section"/> lays them out.</summary>
    /// <param name="section">What to write.</param>
    /// <param name="matrices">Where its matrices lie in the checkpoint, whole rows without gaps.</param>
    /// <param name="writer">File to append to.</param>
    /// <param name="written">Told how many bytes went out, chunk by chunk.</param>
    public void Run(Section section, IReadOnlyList<WeightLocation> matrices, HashingWriter writer, Action<long> written)
    {
        for (int matrix = 0; matrix < matrices.Count; matrix++)
        {
            WeightLocation source = matrices[matrix], target = section.Locate(matrix);
            int targetRowBytes = checked((int)target.RowStrideBytes);
            int chunkRows = Math.Clamp(ChunkBytes / (int)Math.Max(source.RowStrideBytes, targetRowBytes), 1, section.Rows);
            Reserve(ref output, checked(chunkRows * targetRowBytes));
            // Rows are read once a strip. The second reading finds them in the page cache: a matrix is small beside it.
            for (int strip = 0; strip < target.StripCount; strip++)
            {
                for (int row = 0; row < section.Rows; row += chunkRows)
                {
                    int rows = Math.Min(chunkRows, section.Rows - row);
                    Span<byte> chunk = output.AsSpan(0, rows * targetRowBytes);
                    Place(source, row, strip * target.StripColumns, target, chunk);
                    writer.Write(chunk);
                    written(chunk.Length);
                }
            }
        }
    }

    /// <summary>Fills whole rows of a strip that starts at <paramref name="column"/>.</summary>
    private void Place(WeightLocation source, int row, int column, WeightLocation target, Span<byte> rows)
    {
        int sourceRowBytes = checked((int)source.RowStrideBytes), targetRowBytes = (int)target.RowStrideBytes;
        int count = rows.Length / targetRowBytes;
        if (target.StripCount == 1 && target.Type == source.Type)
        {
            Read(source.File, source.Offset(row, 0), rows);
            return;
        }
        Reserve(ref input, checked(count * sourceRowBytes));
        Read(source.File, source.Offset(row, 0), input.AsSpan(0, count * sourceRowBytes));
        int first = (int)source.Type.ByteCount(column), bytes = (int)source.Type.ByteCount(target.StripColumns);
        for (int index = 0; index < count; index++)
        {
            ReadOnlySpan<byte> piece = input.AsSpan((index * sourceRowBytes) + first, bytes);
            Span<byte> place = rows.Slice(index * targetRowBytes, targetRowBytes);
            if (target.Type == source.Type)
                piece.CopyTo(place);
            else
                BFloat16Rounding.Convert(piece, source.Type, place);
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
