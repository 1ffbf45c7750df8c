using SpmdDbrx.Engine.Performance.Inputs;

namespace SpmdDbrx.Engine.Performance;

/// <summary>Eq. 1 of [P1]: the least time a generated token can take, each term in seconds.</summary>
/// <param name="Load">t_load = L (SA + E·EX) / B_mem: attention and expert weights read once.</param>
/// <param name="Compute">t_comp = L (SA + E·EX) / G: 2 FLOP for the 2 bytes of each weight.</param>
/// <param name="Latency">t_lat = L · latency: one communication a layer.</param>
/// <param name="Transfer">t_tran = L · k·D·2 bytes / B_net: the outputs of the selected experts.</param>
public readonly record struct LowerBound(double Load, double Compute, double Latency, double Transfer)
{
    private const double BytesPerOutput = 2;
    private const double FlopPerWeight = 2;

    /// <summary>max(t_load, t_comp) + t_lat + t_tran.</summary>
    public double Seconds => Math.Max(Load, Compute) + Latency + Transfer;

    /// <summary>1 / t.</summary>
    public double TokensPerSecond => 1 / Seconds;

    /// <summary>Evaluates Eq. 1 as printed: bfloat16 weights.</summary>
    /// <param name="model">Gives L, D, SA and EX.</param>
    /// <param name="hardware">Gives B_mem and G.</param>
    /// <param name="network">Gives latency and B_net.</param>
    /// <param name="expertsPerLayer">E: experts that the busiest node runs in a layer, on average.</param>
    public static LowerBound Of(ModelShape model, Hardware hardware, Network network, double expertsPerLayer) =>
        Of(model, hardware, network, expertsPerLayer, WeightFormat.BFloat16);

    /// <summary>Evaluates Eq. 1 for weights of fewer bits: fewer bytes to load, as many FLOP.</summary>
    public static LowerBound Of(ModelShape model, Hardware hardware, Network network, double expertsPerLayer, WeightFormat weights)
    {
        double bits = (model.AttentionWeights * weights.AttentionBits) + (expertsPerLayer * model.ExpertWeights * weights.ExpertBits);
        double flop = FlopPerWeight * (model.AttentionWeights + (expertsPerLayer * model.ExpertWeights));
        double outputBytes = BytesPerOutput * model.TopK * model.HiddenDim;
        return new LowerBound(
            model.LayerCount * bits / 8 / hardware.MemoryBytesPerSecond.Value,
            model.LayerCount * flop / hardware.FlopPerSecond.Value,
            model.LayerCount * network.LatencySeconds.Value,
            model.LayerCount * outputBytes / network.BytesPerSecond.Value);
    }
}
