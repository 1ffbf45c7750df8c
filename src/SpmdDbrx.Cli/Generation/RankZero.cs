using System.Security.Cryptography;
using System.Text;
using SpmdDbrx.Engine.Session;
using SpmdDbrx.Model.Tokenization;
using SpmdDbrx.Mpi;

namespace SpmdDbrx.Cli.Generation;

/// <summary>What only rank 0 knows (prompts, terminal input, drawn seeds) made known to every rank, and the reverse.</summary>
internal static class RankZero
{
    /// <summary>Reads token sequences on rank 0 and hands them to every rank.</summary>
    public static IReadOnlyList<int[]> Broadcast(Intracommunicator world, string step, Func<IReadOnlyList<int[]>> read)
    {
        IReadOnlyList<int[]> sequences = [];
        RankAgreement.Step(world, step, () => sequences = world.Rank == 0 ? read() : sequences);
        Span<int> count = [sequences.Count];
        world.Broadcast(count, 0);
        int[] lengths = new int[count[0]];
        if (world.Rank == 0)
            lengths = [.. sequences.Select(sequence => sequence.Length)];
        world.Broadcast<int>(lengths, 0);
        int[][] received = [.. lengths.Select((length, index) => world.Rank == 0 ? sequences[index] : new int[length])];
        foreach (int[] sequence in received)
            world.Broadcast<int>(sequence, 0);
        return received;
    }

    /// <summary>Makes a text on rank 0 and hands it to every rank.</summary>
    public static string BroadcastText(Intracommunicator world, string step, Func<string> make)
    {
        byte[] text = [];
        RankAgreement.Step(world, step, () => text = world.Rank == 0 ? Encoding.UTF8.GetBytes(make()) : text);
        Span<int> length = [text.Length];
        world.Broadcast(length, 0);
        byte[] received = world.Rank == 0 ? text : new byte[length[0]];
        world.Broadcast<byte>(received, 0);
        return Encoding.UTF8.GetString(received);
    }

    /// <summary>The model's tokenizer on every rank; null when the model has none. All ranks need it: stop texts end all of them at once.</summary>
    public static Tokenizer? LoadTokenizer(RankSession session)
    {
        Tokenizer? tokenizer = null;
        RankAgreement.Step(session.World, "loading the tokenizer", () =>
            tokenizer = Tokenizer.Exists(session.Model.Path) ? Tokenizer.Load(session.Model.Path) : null);
        RankAgreement.RequireSame(session.World, ("tokenizer", tokenizer is null ? "none" : "present"));
        return tokenizer;
    }

    /// <summary>The seed that every rank uses: the one given, or one that rank 0 draws.</summary>
    public static ulong Seed(Intracommunicator world, ulong? given)
    {
        Span<ulong> seed = [given ?? (uint)RandomNumberGenerator.GetInt32(int.MaxValue)];
        world.Broadcast(seed, 0);
        return seed[0];
    }

    /// <summary>A value of every rank, on every rank.</summary>
    public static IReadOnlyList<long> Gather(Intracommunicator world, long value)
    {
        long[] values = new long[world.Size];
        world.Allgather<long>([value], values);
        return values;
    }
}
