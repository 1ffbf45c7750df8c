using System.Security.Cryptography;
using System.Text;
using SpmdDbrx.Mpi;

namespace SpmdDbrx.Engine.Session;

/// <summary>Steps that may fail on one rank only, and values that must be equal on all: nobody is left waiting in a collective.</summary>
public static class RankAgreement
{
    private const int ValueBytes = 128;

    /// <summary>Runs a step on every rank; if it fails anywhere, it fails everywhere, and the first failing rank keeps its own exception.</summary>
    /// <param name="world">All ranks; each must call this.</param>
    /// <param name="step">What is being done, for the message: "opening the model".</param>
    /// <param name="action">The step; must not communicate.</param>
    /// <exception cref="PeerFailedException">It failed on a lower rank.</exception>
    public static void Step(Intracommunicator world, string step, Action action)
    {
        Exception? own = null;
        world.Activity.Begin(step);
        try
        {
            action();
        }
        catch (Exception exception)
        {
            own = exception;
        }
        Span<byte> mine = [own is null ? (byte)0 : (byte)1];
        byte[] failed = new byte[world.Size];
        world.Allgather<byte>(mine, failed);
        int first = Array.IndexOf(failed, (byte)1);
        if (first == world.Rank)
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(own!);
        if (first >= 0)
            throw new PeerFailedException(first, step);
    }

    /// <summary>Throws on every rank unless all ranks give the same values.</summary>
    /// <param name="world">All ranks; each must call this with the same names.</param>
    /// <param name="fields">Names and values; of long values the message shows the beginning and a hash.</param>
    /// <exception cref="EngineException">A value differs: names field, ranks and values.</exception>
    public static void RequireSame(Intracommunicator world, params ReadOnlySpan<(string Name, string Value)> fields)
    {
        byte[] mine = new byte[fields.Length * ValueBytes];
        for (int field = 0; field < fields.Length; field++)
            Write(fields[field].Value, mine.AsSpan(field * ValueBytes, ValueBytes));
        byte[] all = new byte[world.Size * mine.Length];
        world.Allgather<byte>(mine, all);
        for (int rank = 1; rank < world.Size; rank++)
        {
            for (int field = 0; field < fields.Length; field++)
            {
                Span<byte> expected = all.AsSpan(field * ValueBytes, ValueBytes);
                Span<byte> found = all.AsSpan((rank * mine.Length) + (field * ValueBytes), ValueBytes);
                if (!expected.SequenceEqual(found))
                {
                    throw new RankDisagreementException(
                        $"ranks disagree on {fields[field].Name}: rank 0 has {Text(expected)}, rank {rank} has {Text(found)}; "
                        + "give every rank the same program, options and model files");
                }
            }
        }
    }

    private static void Write(string value, Span<byte> bytes)
    {
        if (Encoding.UTF8.GetByteCount(value) > bytes.Length)
            value = $"{value[..(ValueBytes / 4)]}… ({Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(value))[..8])})";
        Encoding.UTF8.GetBytes(value, bytes);
    }

    private static string Text(ReadOnlySpan<byte> value) => Encoding.UTF8.GetString(value.TrimEnd((byte)0));
}
