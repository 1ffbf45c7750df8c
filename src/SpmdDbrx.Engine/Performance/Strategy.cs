using SpmdDbrx.Engine.Session;

namespace SpmdDbrx.Engine.Performance;

/// <summary>A choice on each of [P1]'s three axes; any combination works.</summary>
/// <param name="Stacking">How expert weights lie in memory.</param>
/// <param name="Topology">Who runs attention and router.</param>
/// <param name="Loading">Which of its experts a rank runs.</param>
public readonly record struct Strategy(Stacking Stacking, Topology Topology, Loading Loading)
{
    /// <summary>[P1] §3: "naive".</summary>
    public static Strategy Naive { get; } = new(Stacking.Unstacked, Topology.Centralized, Loading.OnDemand);

    /// <summary>[P1] §4.1–4.2: "p-lb".</summary>
    public static Strategy PrestackedBusyFull { get; } = new(Stacking.Prestacked, Topology.Centralized, Loading.BusyFull);

    /// <summary>[P1] §4.1–4.3: "p-lr-d".</summary>
    public static Strategy PrestackedRouterAidedDecentralized { get; } = new(Stacking.Prestacked, Topology.Decentralized, Loading.RouterAided);

    /// <summary>The preset of a name on the command line.</summary>
    /// <exception cref="InvalidInputException">Not a preset.</exception>
    public static Strategy Parse(string name) => name switch
    {
        "naive" => Naive,
        "p-lb" => PrestackedBusyFull,
        "p-lr-d" => PrestackedRouterAidedDecentralized,
        _ => throw new InvalidInputException($"strategy: expected naive, p-lb or p-lr-d, found {name}"),
    };

    /// <summary>The preset's name, or the three axes.</summary>
    public override string ToString() =>
        this == Naive ? "naive"
        : this == PrestackedBusyFull ? "p-lb"
        : this == PrestackedRouterAidedDecentralized ? "p-lr-d"
        : $"{Stacking}, {Topology}, {Loading}";
}
