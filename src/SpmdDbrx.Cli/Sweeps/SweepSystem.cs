using System.Text.Json.Nodes;

namespace SpmdDbrx.Cli.Sweeps;

/// <summary>One way to spread a model over nodes: strategy, partition and placement, with single axes of the strategy where they differ from its preset.</summary>
/// <param name="Name">How reports call it.</param>
/// <param name="Strategy">Preset: naive, p-lb or p-lr-d.</param>
/// <param name="Stacking">unstacked or prestacked; null = unstacked for naive, else prestacked.</param>
/// <param name="Topology">centralized or decentralized; null = the preset's.</param>
/// <param name="Loading">on-demand, busy-full or router-aided; null = the preset's.</param>
/// <param name="Partition">experts or slices.</param>
/// <param name="Placement">contiguous, ring or best; null with slices.</param>
/// <param name="ExpertsPerNode">Experts a node has memory for; null where the placement does not ask.</param>
internal sealed record SweepSystem(
    string Name, string Strategy, string? Stacking, string? Topology, string? Loading, string Partition, string? Placement, int? ExpertsPerNode)
{
    /// <summary>Whether it reads the checkpoint itself.</summary>
    public bool IsUnstacked => Stacking is null ? Strategy == "naive" : Stacking == "unstacked";

    /// <summary>Whether every local expert runs in every layer.</summary>
    public bool RunsAllLocalExperts => Loading is null ? Strategy == "p-lb" : Loading == "busy-full";

    /// <summary>The options of bench, apart from the placement's file.</summary>
    public IEnumerable<string> Arguments()
    {
        yield return "--strategy";
        yield return Strategy;
        foreach ((string option, string? value) in ((string, string?)[])[("--stacking", Stacking), ("--topology", Topology), ("--loading", Loading)])
        {
            if (value is null)
                continue;
            yield return option;
            yield return value;
        }
        yield return "--partition";
        yield return Partition;
    }

    /// <summary>Everything that decides the result; the name does not.</summary>
    public JsonObject ToJson() => new()
    {
        ["strategy"] = Strategy,
        ["stacking"] = IsUnstacked ? "unstacked" : "prestacked",
        ["topology"] = Topology,
        ["loading"] = Loading,
        ["partition"] = Partition,
        ["placement"] = Placement,
        ["experts_per_node"] = ExpertsPerNode,
    };
}
