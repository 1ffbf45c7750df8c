using System.Diagnostics;
using SpmdDbrx.Compute;

namespace SpmdDbrx.Engine.Performance.Calibration;

/// <summary>Measures a device through the calls the decoder makes, on weights it allocates itself, in about a second.</summary>
public sealed class DeviceMeasurement : IDisposable
{
    private const int HiddenDim = 2048;
    private const int ExpertHiddenDim = 3584;
    private const int ExpertCount = 6; // 264 MB: more than any cache
    private const int DecodeExperts = 4;
    private const int PrefillTokens = 256;
    private const int ReadRepeats = 7;
    private const int DecodeRepeats = 15;
    private const int PrefillRepeats = 3;
    private const int LayerRepeats = 2_000;
    private const long ExpertBytes = 3L * HiddenDim * ExpertHiddenDim * sizeof(ushort);

    private readonly IDevice device;
    private readonly DeviceBuffer weights;
    private readonly DeviceBuffer activations;
    private readonly ExpertWeights[] experts;
    private readonly ExpertAssignments assignments = new(ExpertCount, PrefillTokens);

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
    public DeviceRates Run() => new(Read(), Decode(), Prefill(), Layer() / 3);

    private double Read() => ExpertCount * ExpertBytes / MedianSeconds(ReadRepeats, _ =>
    {
        device.Touch(weights);
        device.Complete();
    });

    private double Decode() => DecodeExperts * ExpertBytes / MedianSeconds(DecodeRepeats, repeat =>
    {
        assignments.Clear();
        for (int index = 0; index < DecodeExperts; index++)
        {
            assignments.BeginExpert(((repeat * DecodeExperts) + index) % ExpertCount);
            assignments.Add(0, 0, 1);
        }
        device.RunExperts(experts, assignments, Tokens(1, 0), Tokens(1, 1));
        device.Complete();
    });

    /// <summary>A batch whose tokens spread over the experts as those of a prompt do: a quarter of them for each of four.</summary>
    private double Prefill() => 2.0 * 3 * HiddenDim * ExpertHiddenDim * PrefillTokens / MedianSeconds(PrefillRepeats, _ =>
    {
        assignments.Clear();
        for (int index = 0; index < DecodeExperts; index++)
        {
            assignments.BeginExpert(index);
            for (int token = index; token < PrefillTokens; token += DecodeExperts)
                assignments.Add(token, token, 1);
        }
        device.RunExperts(experts, assignments, Tokens(PrefillTokens, 0), Tokens(PrefillTokens, 1));
        device.Complete();
    });

    /// <summary>Seconds of a layer so small that only the calls themselves take time.</summary>
    private double Layer()
    {
        using EmptyLayer layer = new(device);
        return MedianSeconds(LayerRepeats, _ => layer.Forward());
    }

    private Activations Tokens(int count, int block) => new(activations, (long)block * PrefillTokens * HiddenDim * sizeof(float), count, HiddenDim);

    /// <summary>Row f of w1, v1 and w2 side by side, as prestacked files have them.</summary>
    private ExpertWeights Expert(int index)
    {
        const long rowBytes = HiddenDim * sizeof(ushort);
        return new ExpertWeights(Matrix(0), Matrix(1), Matrix(2));

        WeightMatrix Matrix(int matrix) => new(
            weights, (index * ExpertBytes) + (matrix * rowBytes), ExpertHiddenDim, HiddenDim, 3 * rowBytes, ElementType.BFloat16);
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

    private static double MedianSeconds(int repeats, Action<int> action)
    {
        action(0);
        double[] seconds = new double[repeats];
        for (int repeat = 0; repeat < repeats; repeat++)
        {
            long start = Stopwatch.GetTimestamp();
            action(repeat + 1);
            seconds[repeat] = Stopwatch.GetElapsedTime(start).TotalSeconds;
        }
        Array.Sort(seconds);
        return seconds[repeats / 2];
    }

    public void Dispose()
    {
        weights.Dispose();
        activations.Dispose();
    }
}
