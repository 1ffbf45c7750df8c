using System.Runtime.Intrinsics.X86;

namespace SpmdDbrx.Compute.Cpu;

/// <summary>Brings a block of rows into the second-level cache a few lines at a time.</summary>
/// <param name="first">First byte of the block.</param>
/// <param name="rowBytes">Bytes from a row to the next.</param>
/// <param name="rows">Rows.</param>
/// <param name="columnBytes">Bytes of a row that are in the block.</param>
internal unsafe struct BlockFetch(byte* first, nint rowBytes, int rows, int columnBytes)
{
    private const int LineBytes = 64;

    // A row that starts inside a line touches one more.
    private readonly int linesOfRow = (columnBytes + LineBytes - 1) / LineBytes;
    private byte* row = first;
    private int rowsLeft = rows;
    private int line;

    /// <summary>Cache lines of the block.</summary>
    public readonly int LineCount => linesOfRow * rowsLeft;

    /// <summary>Asks for the next <paramref name="count"/> lines.</summary>
    public void Fetch(int count)
    {
        if (!Sse.IsSupported)
            return;
        for (; count > 0 && rowsLeft > 0; count--)
        {
            Sse.Prefetch1(row + (line * LineBytes));
            if (++line == linesOfRow)
            {
                line = 0;
                rowsLeft--;
                row += rowBytes;
            }
        }
    }
}
