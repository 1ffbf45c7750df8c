using SpmdDbrx.Engine.Placement;

namespace SpmdDbrx.Engine.Session;

/// <summary>How a session runs a model. Every rank must use the same values.</summary>
public sealed record EngineOptions
{
    /// <summary>Context when neither user nor model asks for less, tokens.</summary>
    public const int DefaultContextLength = 4096;

    /// <summary>Positions the KV cache holds; null = the model's own limit, at most <see cref="DefaultContextLength"/>.</summary>
    public int? ContextLength { get; init; }

    /// <summary>Tokens of one prefill batch.</summary>
    public int BatchTokens { get; init; } = 512;

    /// <summary>Layout the model must have; null = as it is.</summary>
    public bool? Prestacked { get; init; }

    /// <summary>Where attention and router run.</summary>
    public Topology Topology { get; init; } = Topology.Decentralized;

    /// <summary>Which local experts run.</summary>
    public Loading Loading { get; init; } = Loading.OnDemand;

    /// <summary>How experts are divided.</summary>
    public Partition Partition { get; init; } = Partition.Experts;

    /// <summary>File that says which rank holds which experts (<see cref="Placement.ExpertPlacementFile"/>); null = contiguous, each once.</summary>
    public string? PlacementFile { get; init; }

    /// <summary>Which rank holds which experts, where no file says it; null = contiguous, each once.</summary>
    public ExpertPlacement? Placement { get; init; }

    /// <summary>Ranks of one host that map the same files each hold what one of them holds: in a prompt the least loaded runs an expert, and a token they run together
    /// (<see cref="Placement.RankTeams"/>), so that no rank waits for another of its host. Without effect on slices, and with <see cref="Loading.BusyFull"/>, where what is held
    /// is what runs.</summary>
    public bool SharesExperts { get; init; }

    /// <summary>Bit-identical results for any number of ranks and any placement: expert outputs are exchanged one by one and added in gate order.</summary>
    public bool Deterministic { get; init; }

    /// <summary>Sums all expert weights of a prestacked model on the device once they are loaded and while nothing runs. Without effect on a
    /// checkpoint, whose files hold other ranks' experts too.</summary>
    public bool Standby { get; init; }

    /// <summary>Checks the hashes of the files this rank maps before the first token.</summary>
    public bool VerifyWeights { get; init; } = true;

    /// <summary>Reads the weights this rank uses into memory before the first token.</summary>
    public bool Prefault { get; init; }
}
