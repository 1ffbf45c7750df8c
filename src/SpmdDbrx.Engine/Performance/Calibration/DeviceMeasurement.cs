using System.Diagnostics;
using SpmdDbrx.Compute;

namespace SpmdDbrx.Engine.Performance.Calibration;

/// <summary>Measures a device through the calls the decoder makes, on weights it allocates itself, in about a second.</summary>
/// <remarks>Rounds of everything in turn, the first ones discarded: a process compiles beside its first calls, and a shared host gives
/// more or less from one tenth of a second to the next.</remarks>
public sealed class DeviceMeasurement : IDisposable
{
    private const int HiddenDim = 2048;
    private const int ExpertHiddenDim = 3584;
    private const int ExpertCount = 6; // 264 MB: more than any cache
    private const int DecodeExperts = 4;
    private const int PrefillTokens = 256;
    private const int WarmUpRounds = 2;
    private const int Rounds = 5;
    private const int DecodesPerRound = 3;
    private const int LayerRepeats = 2_000;
    private const long ExpertBytes = 3L * HiddenDim * ExpertHiddenDim * sizeof(ushort);
    private const double PrefillFlop = 2.0 * 3 * HiddenDim * ExpertHiddenDim * PrefillTokens;

    private readonly IDevice device;
    private readonly DeviceBuffer weights;
    private readonly DeviceBuffer activations;
    private readonly ExpertWeights[] experts;
    private readonly ExpertAssignments assignments = new(ExpertCount, PrefillTokens);
    private int nextExpert;

    /// <summary>Allocates and fills the weights.</summary>
    /// <exception cref="InsufficientMemoryException">The device cannot hold 300 MB.</exception>
    public DeviceMeasurement(IDevice device)
    {
        this.device = device;
        weights = device.Allocate(ExpertCount * ExpertBytes);
        activations = device.Allocate(2L * PrefillTokens * HiddenDim * sizeof(float));
        Fill();
        experts = [.. Enumerable.Range(0, ExpertCount).Select(Expert)];
    }

    /// <summary>Measures everything; medians.</summary>
    public DeviceRates Run()
    {
        List<double> reads = [], decodeShares = [], peaks = [], prefillShares = [];
        for (int round = -WarmUpRounds; round < Rounds; round++)
        {
            if (round == 0)
                Array.ForEach([reads, decodeShares, peaks, prefillShares], values => values.Clear());
            for (int repeat = 0; repeat < DecodesPerRound; repeat++)
            {
                reads.Add(Read());
                decodeShares.Add(DecodeExperts * ExpertBytes / Seconds(Decode) / reads[^1]);
            }
            double? peak = device is CpuDevice cpu ? new CpuProbe(cpu).PrefillFlopPerSecond() : null;
            double products = PrefillFlop / Seconds(Prefill);
            peaks.Add(peak ?? products);
            prefillShares.Add(products / peaks[^1]);
        }
        return new DeviceRates(Median.Of(reads), Median.Of(decodeShares), Median.Of(peaks), Median.Of(prefillShares), Layer() / 3);
    }

    /// <summary>Bytes a second of a few readings; median.</summary>
    public double ReadBytesPerSecond() => Median.Of(Enumerable.Range(0, Rounds).Select(_ => Read()));

    private double Read() => ExpertCount * ExpertBytes / Seconds(() => device.Touch(weights));

    /// <summary>One token through as many experts as a token selects, each time through those that the caches do not hold.</summary>
    private void Decode()
    {
        assignments.Clear();
        for (int index = 0; index < DecodeExperts; index++)
        {
            assignments.BeginExpert(nextExpert);
            assignments.Add(0, 0, 1);
            nextExpert = (nextExpert + 1) % ExpertCount;
        }
        device.RunExperts(experts, assignments, Tokens(1, 0), Tokens(1, 1));
    }

    /// <summary>A batch whose tokens spread over the experts as those of a prompt do: a quarter of them for each of four.</summary>
    private void Prefill()
    {
        assignments.Clear();
        for (int index = 0; index < DecodeExperts; index++)
        {
            assignments.BeginExpert(index);
            for (int token = index; token < PrefillTokens; token += DecodeExperts)
                assignments.Add(token, token, 1);
        }
        device.RunExperts(experts, assignments, Tokens(PrefillTokens, 0), Tokens(PrefillTokens, 1));
    }

    /// <summary>Seconds of a layer so small that only the calls themselves take time.</summary>
    private double Layer()
    {
        using EmptyLayer layer = new(device);
        return Median.Of(Enumerable.Range(0, LayerRepeats).Select(_ => Seconds(layer.Forward)));
    }

    private Activations Tokens(int count, int block) => new(activations, (long)block * PrefillTokens * HiddenDim * sizeof(float), count, HiddenDim);

    /// <summary>w1, v1 and w2 one behind the other, as prestacked files have them.</summary>
    private ExpertWeights Expert(int index)
    {
        const long rowBytes = HiddenDim * sizeof(ushort);
        return new ExpertWeights(Matrix(0), Matrix(1), Matrix(2));

        WeightMatrix Matrix(int matrix) => new(
            weights, (index * ExpertBytes) + (matrix * ExpertHiddenDim * rowBytes), ExpertHiddenDim, HiddenDim, rowBytes, ElementType.BFloat16);
    }

    /// <summary>Small finite numbers; every page is written, since pages never written share one page of zeros that a cache holds.</summary>
    private void Fill()
    {
        Span<ushort> first = weights.Span<ushort>(0, (int)(ExpertBytes / sizeof(ushort)));
        for (int index = 0; index < first.Length; index++)
            first[index] = (ushort)(0x3C00 | ((index * 37) & 0x80FF)); // bfloat16, ±0.0078 to ±0.03
        for (int expert = 1; expert < ExpertCount; expert++)
            first.CopyTo(weights.Span<ushort>(expert * ExpertBytes, first.Length));
        activations.Span<float>(0, 2 * PrefillTokens * HiddenDim).Fill(0.01f);
    }

    private double Seconds(Action action)
    {
        long start = Stopwatch.GetTimestamp();
        action();
        device.Complete();
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    public void Dispose()
    {
        weights.Dispose();
        activations.Dispose();
    }
}
