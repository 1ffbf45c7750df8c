using System.Diagnostics;
using SpmdDbrx.Engine.Decoding;
using SpmdDbrx.Engine.Session;

namespace SpmdDbrx.Engine.Generation;

/// <summary>What one phase (prefill or decode) took on this rank, from clocks and counters that run where the work is done.</summary>
/// <param name="Tokens">Tokens that went through the layers.</param>
/// <param name="Seconds">Wall time.</param>
/// <param name="ExpertSeconds">Running experts.</param>
/// <param name="CommunicationSeconds">Exchanging and waiting for other ranks, those of the host included.</param>
/// <param name="Layers">Layers executed, once per batch.</param>
/// <param name="BusiestRankExperts">Sum over layers of the experts that the busiest rank ran.</param>
/// <param name="OwnExperts">Sum over layers of the experts that this rank ran.</param>
/// <param name="Allreduces">All-reduce calls.</param>
/// <param name="Collectives">All collective calls of the world that move data; the logits, which a host's ranks gather among themselves, are not among them.</param>
/// <param name="PayloadBytes">Bytes this rank handed to those.</param>
public readonly record struct PhaseStatistics(
    int Tokens, double Seconds, double ExpertSeconds, double CommunicationSeconds, long Layers, double BusiestRankExperts, double OwnExperts,
    long Allreduces, long Collectives, long PayloadBytes)
{
    /// <summary>Everything else: attention, norms, router, LM head, sampling.</summary>
    public double MiscSeconds => Math.Max(0, Seconds - ExpertSeconds - CommunicationSeconds);

    /// <summary>The counters now; subtract an earlier reading.</summary>
    public static PhaseStatistics Read(RankSession session) => new(
        0,
        (double)Stopwatch.GetTimestamp() / Stopwatch.Frequency,
        session.Clock.Seconds(Cost.Experts),
        session.Clock.Seconds(Cost.Communication),
        session.ExpertCounters.Layers,
        session.ExpertCounters.BusiestRank,
        session.ExpertCounters.ThisRank,
        session.World.Counters.Allreduces,
        session.World.Counters.Allreduces + session.World.Counters.OtherCollectives,
        session.World.Counters.PayloadBytes);

    /// <summary>What happened since an earlier reading.</summary>
    public PhaseStatistics Since(in PhaseStatistics earlier, int tokens) => new(
        tokens,
        Seconds - earlier.Seconds,
        ExpertSeconds - earlier.ExpertSeconds,
        CommunicationSeconds - earlier.CommunicationSeconds,
        Layers - earlier.Layers,
        BusiestRankExperts - earlier.BusiestRankExperts,
        OwnExperts - earlier.OwnExperts,
        Allreduces - earlier.Allreduces,
        Collectives - earlier.Collectives,
        PayloadBytes - earlier.PayloadBytes);
}
