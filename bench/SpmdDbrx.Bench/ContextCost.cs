using System.Diagnostics;
using SpmdDbrx.Compute;
using SpmdDbrx.Engine.Session;
using SpmdDbrx.Mpi;

namespace SpmdDbrx.Bench;

/// <summary>What a token behind a long context costs beyond the bytes of its keys and values: pairs of tokens in one process, each between two reads of memory.</summary>
internal sealed class ContextCost : IDisposable
{
    private const int Position = 8_000;
    private const int StreamBytes = 512 << 20;

    /// <summary>Pairs whose two reads differ by more are left out.</summary>
    private const double MostDifference = 0.1;

    private readonly SingleRankCommunicator world = new();
    private readonly CpuDevice device;
    private readonly RankSession session;
    private readonly DeviceBuffer stream;

    private ContextCost(string model, int threads)
    {
        device = new CpuDevice(threads);
        session = RankSession.Open(world, device, model, new EngineOptions { ContextLength = Position + 1 });
        stream = device.Allocate(StreamBytes);
        stream.Span<byte>(0, StreamBytes).Fill(1);
    }

    /// <param name="model">A prestacked model.</param>
    /// <param name="threads">Threads of the one rank.</param>
    /// <param name="pairs">Pairs of tokens, one at the start and one behind the context.</param>
    public static void Run(string model, int threads, int pairs)
    {
        using ContextCost cost = new(model, threads);
        cost.FillContext();
        List<double> excesses = [];
        cost.MeasurePair(0);
        cost.MeasurePair(1);
        for (int pair = 0; pair < pairs; pair++)
        {
            if (cost.MeasurePair(pair) is { } excess)
                excesses.Add(100 * excess);
        }
        excesses.Sort();
        Console.WriteLine(excesses.Count == 0
            ? $"none of {pairs} pairs had two reads within {MostDifference:P0} of each other"
            : $"{model}, {threads} thread(s), {excesses.Count} of {pairs} pairs: {Median.Of(excesses):f1} % of a token beyond keys and values, "
                + $"quartiles {excesses[excesses.Count / 4]:f1} to {excesses[excesses.Count * 3 / 4]:f1}");
    }

    public void Dispose()
    {
        stream.Dispose();
        session.Dispose();
        device.Dispose();
        world.Dispose();
    }

    private void FillContext()
    {
        int[] batch = new int[500];
        for (int position = 0; position < Position; position += batch.Length)
            session.Decoder.Forward(batch, position);
    }

    /// <summary>(later token − first token − bytes / bandwidth) / first token, either of them run first by turns.</summary>
    private double? MeasurePair(int pair)
    {
        double[] seconds = new double[2];
        int leading = pair % 2;
        double before = ReadBytesPerSecond();
        seconds[leading] = TokenSeconds(pair, leading * Position);
        seconds[1 - leading] = TokenSeconds(pair, (1 - leading) * Position);
        double after = ReadBytesPerSecond();
        double bytes = 2.0 * session.Model.Config.LayerCount * session.Model.Config.Attention.KvDim * sizeof(float) * Position;
        double excess = seconds[1] - seconds[0] - (bytes / ((before + after) / 2));
        return Math.Abs((before / after) - 1) > MostDifference ? null : excess / seconds[0];
    }

    private double ReadBytesPerSecond() => StreamBytes / Seconds(() => device.Touch(stream));

    private double TokenSeconds(int pair, int position)
    {
        int token = (int)(pair * 7919L % session.Model.Config.VocabularySize);
        return Seconds(() => session.Decoder.Forward([token], position));
    }

    private static double Seconds(Action action)
    {
        long start = Stopwatch.GetTimestamp();
        action();
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }
}
