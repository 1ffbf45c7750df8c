using System.Diagnostics;
using SpmdDbrx.Compute;
using SpmdDbrx.Engine.Benchmarks;
using SpmdDbrx.Engine.Session;
using SpmdDbrx.Mpi;

namespace SpmdDbrx.Bench;

/// <summary>What a token behind a long context costs beyond the bytes of its keys and values: pairs of tokens in one process, each between two reads of memory.</summary>
/// <remarks>With several ranks, all of them time the same tokens and the first one reports.</remarks>
internal sealed class ContextCost : IDisposable
{
    private const int Position = 8_000;
    private const int StreamBytes = 512 << 20;

    /// <summary>Pairs whose two reads differ by more are left out.</summary>
    private const double MostDifference = 0.1;

    private readonly Intracommunicator world;
    private readonly CpuDevice device;
    private readonly RankSession session;
    private readonly DeviceBuffer stream;

    /// <summary>Of all ranks: keys and values of the context, and all that the token at the start reads.</summary>
    private readonly double keyValueBytes, tokenBytes;

    private ContextCost(Intracommunicator world, string model, int threads)
    {
        this.world = world;
        device = new CpuDevice(threads);
        session = RankSession.Open(world, device, model, new EngineOptions { ContextLength = Position + 1, SharesExperts = true });
        stream = device.Allocate(StreamBytes);
        stream.Span<byte>(0, StreamBytes).Fill(1);
        TokenWork work = new(session.Model.Config, session.Teams);
        double first = world.Size * work.GenerationBytes(tokens: 1, depth: 0);
        keyValueBytes = (world.Size * work.GenerationBytes(tokens: 1, depth: Position)) - first;
        tokenBytes = first + (session.Sharing.HostCount * work.LmHeadBytes) + (session.Model.Config.LayerCount * session.Model.Config.TopK * work.ExpertBytes);
    }

    /// <param name="world">All ranks.</param>
    /// <param name="model">A prestacked model.</param>
    /// <param name="threads">Threads of a rank.</param>
    /// <param name="pairs">Pairs of tokens, one at the start and one behind the context.</param>
    public static void Run(Intracommunicator world, string model, int threads, int pairs)
    {
        using ContextCost cost = new(world, model, threads);
        cost.FillContext();
        cost.MeasurePair(0);
        cost.MeasurePair(1);
        Pair[] steady = [.. Enumerable.Range(0, pairs).Select(cost.MeasurePair).Where(pair => pair.ReadDifference <= MostDifference)];
        if (world.Rank != 0)
            return;
        Console.WriteLine($"{model}, {world.Size} × {threads}: {steady.Length} of {pairs} pairs had two reads within {MostDifference:P0} of each other");
        if (steady.Length == 0)
            return;
        Report("beyond keys and values at the bandwidth read", steady, pair => pair.Longer - (cost.keyValueBytes / pair.BytesPerSecond));
        Report("beyond keys and values as fast as the first token's bytes", steady, pair => pair.Longer - (cost.keyValueBytes / cost.tokenBytes * pair.First));
        Console.WriteLine($"bandwidth {Median.Of(steady.Select(pair => pair.BytesPerSecond / 1e9)):f1} GB/s, "
            + $"the first token's share {Median.Of(steady.Select(pair => 100 * cost.tokenBytes / pair.First / pair.BytesPerSecond)):f1} %");
    }

    public void Dispose()
    {
        stream.Dispose();
        session.Dispose();
        device.Dispose();
    }

    /// <summary>Seconds in parts of the first token: median, its standard error as that of a normal distribution with these quartiles, and the quartiles.</summary>
    private static void Report(string what, Pair[] pairs, Func<Pair, double> seconds)
    {
        double[] percent = [.. pairs.Select(pair => 100 * seconds(pair) / pair.First).Order()];
        double lower = percent[percent.Length / 4], upper = percent[percent.Length * 3 / 4];
        double error = 0.93 * (upper - lower) / Math.Sqrt(percent.Length);
        Console.WriteLine($"{what}: {Median.Of(percent):f1} ± {error:f1} % of a token, quartiles {lower:f1} to {upper:f1}");
    }

    private void FillContext()
    {
        Random random = new(1); // the same tokens on all ranks
        int[] batch = new int[500];
        for (int position = 0; position < Position; position += batch.Length)
        {
            foreach (ref int token in batch.AsSpan())
                token = random.Next(session.Model.Config.VocabularySize);
            session.Decoder.Forward(batch, position);
        }
    }

    /// <summary>Two tokens, either of them first by turns, between two reads.</summary>
    private Pair MeasurePair(int pair)
    {
        double[] seconds = new double[2];
        int leading = pair % 2;
        double before = ReadBytesPerSecond();
        seconds[leading] = TokenSeconds(pair, leading * Position);
        seconds[1 - leading] = TokenSeconds(pair, (1 - leading) * Position);
        double after = ReadBytesPerSecond();
        return new Pair(seconds[0], seconds[1] - seconds[0], (before + after) / 2, Math.Abs((before / after) - 1));
    }

    /// <summary>Of all ranks, which read at once.</summary>
    private double ReadBytesPerSecond()
    {
        world.Barrier();
        double[] rate = [StreamBytes / Seconds(() => device.Touch(stream))];
        world.Allreduce(rate.AsSpan(), Operation<double>.Add);
        return rate[0];
    }

    private double TokenSeconds(int pair, int position)
    {
        int token = (int)(pair * 7919L % session.Model.Config.VocabularySize);
        world.Barrier();
        return Seconds(() =>
        {
            session.Decoder.Forward([token], position);
            session.Decoder.Logits(0, 1);
        });
    }

    private static double Seconds(Action action)
    {
        long start = Stopwatch.GetTimestamp();
        action();
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    /// <param name="First">Seconds of the token at the start.</param>
    /// <param name="Longer">Seconds that the one behind the context took more.</param>
    /// <param name="BytesPerSecond">Mean of the two reads.</param>
    /// <param name="ReadDifference">Of the two reads, in parts of one.</param>
    private readonly record struct Pair(double First, double Longer, double BytesPerSecond, double ReadDifference);
}
