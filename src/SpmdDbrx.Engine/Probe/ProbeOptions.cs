namespace SpmdDbrx.Engine.Probe;

/// <summary>Sizes and waits of the driver-processing benchmark; the defaults are the paper's ([P1] §3.2): one DBRX expert.</summary>
public sealed record ProbeOptions
{
    /// <summary>Layers.</summary>
    public int LayerCount { get; init; } = 40;

    /// <summary>D: columns of every matrix.</summary>
    public int HiddenDim { get; init; } = 6144;

    /// <summary>F: rows of every matrix.</summary>
    public int ExpertHiddenDim { get; init; } = 10752;

    /// <summary>Samples taken at each wait, after one that warms up.</summary>
    public int Repeats { get; init; } = 3;

    /// <summary>How long the device idles after every layer.</summary>
    public IReadOnlyList<TimeSpan> Waits { get; init; } =
        [.. Enumerable.Range(0, 12).Select(power => TimeSpan.FromMilliseconds(Math.Min(1 << power, 2000)))];

    /// <summary>Matrices of a layer: w1, v1, w2.</summary>
    public const int MatricesPerLayer = 3;

    /// <summary>Bytes of one matrix in bfloat16.</summary>
    public long MatrixBytes => 2L * HiddenDim * ExpertHiddenDim;

    /// <summary>Bytes of all matrices.</summary>
    public long TotalBytes => LayerCount * MatricesPerLayer * MatrixBytes;
}
