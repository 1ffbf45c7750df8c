using SpmdDbrx.Mpi;

namespace SpmdDbrx.Engine.Benchmarks;

/// <summary>What a rank communicated inside forward passes.</summary>
/// <param name="Collectives">Collective calls that move data.</param>
/// <param name="PayloadBytes">Bytes handed to them.</param>
public readonly record struct LayerCommunication(long Collectives, long PayloadBytes)
{
    /// <summary>The communicator's counters now; subtract an earlier reading.</summary>
    public static LayerCommunication Read(CommunicationCounters counters) => new(counters.Allreduces + counters.OtherCollectives, counters.PayloadBytes);

    public static LayerCommunication operator +(LayerCommunication left, LayerCommunication right) =>
        new(left.Collectives + right.Collectives, left.PayloadBytes + right.PayloadBytes);

    public static LayerCommunication operator -(LayerCommunication left, LayerCommunication right) =>
        new(left.Collectives - right.Collectives, left.PayloadBytes - right.PayloadBytes);
}
