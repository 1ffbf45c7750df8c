using SpmdDbrx.Compute;
using SpmdDbrx.Engine.Session;
using SpmdDbrx.Mpi;

namespace SpmdDbrx.Engine.Experts;

/// <summary>How the ranks' parts of a layer come together: the communications of one layer.</summary>
public abstract class ExpertExchange(Intracommunicator world)
{
    /// <summary>All ranks.</summary>
    protected Intracommunicator World { get; } = world;

    /// <summary>What this rank is doing.</summary>
    public Activity Activity => World.Activity;

    /// <summary>Whether this rank runs attention, router and LM head.</summary>
    public abstract bool RunsAttention { get; }

    /// <summary>Brings expert inputs and routing to ranks that do not compute them.</summary>
    /// <param name="normed">[tokens, D], followed by room for the routing.</param>
    /// <param name="routing">The router's choice.</param>
    public abstract void ShareInputs(Activations normed, Routing routing);

    /// <summary>Sums the ranks' expert outputs where they are needed, and checks that the ranks agree.</summary>
    /// <param name="output">[output rows, D], followed by room for the check.</param>
    /// <param name="routing">The router's choice.</param>
    /// <param name="tokens">The batch.</param>
    /// <param name="layer">For messages.</param>
    /// <param name="position">Position of the first token, for messages.</param>
    public abstract void Combine(Activations output, Routing routing, ReadOnlySpan<int> tokens, int layer, int position);

    /// <summary>The next token, known to every rank.</summary>
    /// <param name="sampled">What this rank sampled; meaningful where <see cref="RunsAttention"/>.</param>
    public abstract int AgreeOnToken(int sampled);

    /// <summary>The exchange of a topology.</summary>
    public static ExpertExchange Create(Topology topology, Intracommunicator world, RoutingCheck check) => topology switch
    {
        Topology.Centralized => new CentralizedExchange(world),
        _ => new DecentralizedExchange(world, check),
    };
}
