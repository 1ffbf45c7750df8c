using System.Text.Json;
using SpmdDbrx.Mpi;

namespace SpmdDbrx.Cli.Diagnosis;

/// <summary>What one rank found on its machine.</summary>
/// <param name="Title">Rank and host.</param>
/// <param name="Findings">One line each.</param>
/// <param name="Faults">What is to be mended; none = all is well.</param>
internal sealed record RankDiagnosis(string Title, IReadOnlyList<string> Findings, IReadOnlyList<string> Faults)
{
    /// <summary>All ranks' diagnoses on every rank, in rank order; a collective call.</summary>
    public static IReadOnlyList<RankDiagnosis> Gather(Intracommunicator world, RankDiagnosis own)
    {
        byte[] text = JsonSerializer.SerializeToUtf8Bytes(own);
        Span<int> longest = [text.Length];
        world.Allreduce(longest, Operation<int>.Max);
        // Every rank sends as much as the longest one; spaces behind a JSON value mean nothing.
        byte[] padded = new byte[longest[0]];
        padded.AsSpan().Fill((byte)' ');
        text.CopyTo(padded, 0);
        byte[] all = new byte[(long)padded.Length * world.Size];
        world.Allgather<byte>(padded, all);
        return [.. all.Chunk(padded.Length).Select(part => JsonSerializer.Deserialize<RankDiagnosis>(part)!)];
    }
}
