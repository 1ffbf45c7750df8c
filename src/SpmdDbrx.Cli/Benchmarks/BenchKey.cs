namespace SpmdDbrx.Cli.Benchmarks;

/// <summary>Names in JSON of the columns of bench that reports read again.</summary>
internal static class BenchKey
{
    public const string Test = "test";
    public const string TokensPerSecond = "t_s";
    public const string MoeMilliseconds = "moe_ms";
    public const string CommunicationMilliseconds = "comm_ms";
    public const string MiscMilliseconds = "misc_ms";
    public const string BusiestExperts = "experts_layer";
    public const string MeanExperts = "mean_experts_layer";
    public const string Communications = "communications_layer";
    public const string PayloadBytes = "bytes_layer";
    public const string PredictedTokensPerSecond = "predicted_t_s";
    public const string PredictionErrorPercent = "error_percent";
}
