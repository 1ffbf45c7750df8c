using SpmdDbrx.Compute;
using SpmdDbrx.Engine.Placement;
using SpmdDbrx.Engine.Weights;
using SpmdDbrx.Model;
using SpmdDbrx.Mpi;

namespace SpmdDbrx.Engine.Session;

/// <summary>What a rank will hold and run, agreed with all others before anything is loaded.</summary>
internal sealed class SessionPlan
{
    // Tokens whose expert products take a CPU about as long as reading the expert's weights.
    private const int PairsPerExpertRead = 16;

    private SessionPlan(Intracommunicator world, ModelDirectory model, EngineOptions options, int contextLength, HostSharing sharing, ExpertPlacement? placement)
    {
        World = world;
        Model = model;
        Options = options;
        ContextLength = contextLength;
        Sharing = sharing;
        Placement = placement;
        Batch = Math.Min(options.BatchTokens, contextLength);
        if (placement is null)
        {
            Share = new ExpertShare([.. Enumerable.Range(0, model.Config.ExpertCount)], world.Rank, world.Size);
            return;
        }
        Share = new ExpertShare(placement.ExpertsOf(world.Rank).ToArray());
        // Bit-identical sums need every expert's tokens together on one rank, as they would be on any other number of ranks.
        Assigner = new ExpertAssigner(placement, options.Deterministic ? Batch * model.Config.TopK : PairsPerExpertRead);
    }

    /// <summary>All ranks.</summary>
    public Intracommunicator World { get; }

    /// <summary>The model on disk.</summary>
    public ModelDirectory Model { get; }

    /// <summary>How it runs.</summary>
    public EngineOptions Options { get; }

    /// <summary>Positions of the KV cache.</summary>
    public int ContextLength { get; }

    /// <summary>Most tokens of a forward pass.</summary>
    public int Batch { get; }

    /// <summary>The job's hosts, and which ranks map the same files.</summary>
    public HostSharing Sharing { get; }

    /// <summary>Which rank holds which experts; null = every rank a slice of all.</summary>
    public ExpertPlacement? Placement { get; }

    /// <summary>What this rank holds of the experts.</summary>
    public ExpertShare Share { get; }

    /// <summary>Who runs a selected expert; null = every rank its slice.</summary>
    public ExpertAssigner? Assigner { get; }

    /// <summary>The ranks that share out the logits of a token, this one among them: those of its host where all of them run the LM head; null = this rank computes all.</summary>
    public Intracommunicator? LogitRanks { get; private init; }

    /// <summary>Whether ranks of a host that hold the same weights may work on a token together.</summary>
    public bool TeamsUp => Placement is not null && Options.Loading == Loading.OnDemand;

    /// <summary>Bytes of this rank's KV cache.</summary>
    public long CacheBytes => KvCache.BytesOf(Model.Config.LayerCount, Model.Config.Attention, ContextLength);

    /// <summary>Checks options on all ranks, and that they are the same; a collective call.</summary>
    /// <exception cref="EngineException">Options that the model or the ranks do not allow.</exception>
    /// <exception cref="RankDisagreementException">Ranks have different options.</exception>
    public static SessionPlan Agree(Intracommunicator world, ModelDirectory model, EngineOptions options)
    {
        int contextLength = options.ContextLength ?? Math.Min(model.Config.ContextLength, EngineOptions.DefaultContextLength);
        ExpertPlacement? placement = null;
        RankAgreement.Step(world, "checking the options", () =>
        {
            RequireValid(options, model, contextLength, world.Size);
            placement = PlacementOf(options, model.Config, world.Size);
        });
        RankAgreement.RequireSame(
            world,
            ("context", $"{contextLength}"),
            ("batch", $"{options.BatchTokens}"),
            ("placement", placement is null ? "slices" : ExpertPlacementFile.Fingerprint(placement)),
            ("strategy", $"{options.Topology}, {options.Loading}, {options.Partition}, shared {options.SharesExperts}, deterministic {options.Deterministic}"),
            ("prefault", $"{options.Prefault}"),
            ("verification of weights", $"{options.VerifyWeights}"));
        HostSharing sharing = HostSharing.Find(world, model);
        bool shares = placement is not null && options.SharesExperts && options.Loading != Loading.BusyFull;
        Intracommunicator? logitRanks = options.Topology == Topology.Decentralized ? world.HostRanks() : null;
        SessionPlan? plan = null;
        RankAgreement.Step(world, "placing experts", () =>
            plan = new SessionPlan(world, model, options, contextLength, sharing, shares ? sharing.Share(placement!) : placement)
            {
                LogitRanks = logitRanks?.Size > 1 ? logitRanks : null,
            });
        return plan!;
    }

    /// <summary>Ranks of this rank's host that map the same files, itself included.</summary>
    public int RanksBeside => Holders(expert: null).Length;

    /// <summary>Refuses what does not fit into the memory that the ranks of one host have together; a collective call.</summary>
    public void RequireMemory(IDevice device)
    {
        long own = 0;
        RankAgreement.Step(World, "counting its bytes", () =>
        {
            own = RankWeights.FileBytes(Model, Share);
            own = Placement is null ? own / RanksBeside : own - BytesCountedByOthers();
            own += RankBuffers.BytesOf(Model.Config, ContextLength, Options);
        });
        using Intracommunicator host = World.SplitByHost();
        Span<long> hostBytes = [own];
        host.Allreduce(hostBytes, Operation<long>.Add);
        long needed = hostBytes[0];
        string holders = host.Size == 1 ? $"rank {World.Rank} holds" : $"the {host.Size} ranks of this machine hold";
        RankAgreement.Step(World, "checking its memory", () => device.RequireMemory(
            needed, $"{Model.Path}: what {holders} of it, with activations and the KV cache of {ContextLength} tokens,"));
    }

    /// <summary>Of the whole experts that this rank maps, the bytes that other ranks of the host map too and count as theirs.</summary>
    public long BytesCountedByOthers()
    {
        if (Placement is null)
            return 0;
        ModelConfig config = Model.Config;
        long expertBytes = config.LayerCount * config.WeightType.ByteCount(3L * config.HiddenDim * config.ExpertHiddenDim);
        return Share.Experts.Sum(expert =>
        {
            int[] holders = Holders(expert);
            long part = Array.IndexOf(holders, World.Rank);
            return expertBytes - ((expertBytes * (part + 1) / holders.Length) - (expertBytes * part / holders.Length));
        });
    }

    /// <summary>What this rank adds to the memory in use on its host, bytes: what every rank holds counts on the first of those that map the
    /// same files.</summary>
    /// <param name="weightBytes">What it holds of the weights, <see cref="BytesCountedByOthers"/> left out.</param>
    public long HostBytes(long weightBytes)
    {
        bool isFirst = Holders(expert: null)[0] == World.Rank;
        long replicatedBytes = Model.SharedWeights().Sum(matrix => matrix.Type.ByteCount((long)matrix.Rows * matrix.Columns));
        return weightBytes - (isFirst ? 0 : replicatedBytes) + CacheBytes;
    }

    /// <summary>The files whose hashes this rank checks: the ranks of a host that map a file take turns, file by file.</summary>
    public IReadOnlySet<MappedFile> FilesToVerify(IEnumerable<MappedFile> files)
    {
        Dictionary<string, int> expertOfPath = Share.Experts
            .GroupBy(expert => Path.Combine(Model.Path, Model.Expert(0, expert).W1.File))
            .ToDictionary(file => file.Key, file => file.First());
        return files.Where(file =>
        {
            bool isExpert = expertOfPath.TryGetValue(file.Path, out int expert);
            int[] holders = Holders(isExpert ? expert : null);
            return holders[(isExpert ? expert + 1 : 0) % holders.Length] == World.Rank;
        }).ToHashSet();
    }

    private int[] Holders(int? expert) => Sharing.HoldersBeside(World.Rank, Placement, expert);

    private static ExpertPlacement? PlacementOf(EngineOptions options, ModelConfig config, int rankCount) =>
        options.Partition == Partition.Slices ? null
        : options.PlacementFile is { } file ? ExpertPlacementFile.Load(file, config.ExpertCount, rankCount)
        : options.Placement ?? ExpertPlacement.Contiguous(config.ExpertCount, rankCount);

    private static void RequireValid(EngineOptions options, ModelDirectory model, int contextLength, int rankCount)
    {
        ModelConfig config = model.Config;
        if (contextLength < 1 || contextLength > config.ContextLength)
            throw new EngineException($"--context: expected 1 to {config.ContextLength} (the model's own limit), found {contextLength}");
        if (options.Prestacked is bool prestacked && prestacked != model.IsPrestacked)
        {
            throw new EngineException(prestacked
                ? $"{model.Path}: expected a prestacked directory, found a checkpoint; run prestack, or choose --stacking unstacked"
                : $"{model.Path}: expected a checkpoint, found a prestacked directory; give the checkpoint's directory, or choose --stacking prestacked");
        }
        if (options.Partition == Partition.Slices)
        {
            RequireValidSlices(options, config, rankCount);
        }
        else if (options.PlacementFile is null && options.Placement is null && rankCount > config.ExpertCount)
        {
            throw new EngineException(
                $"{rankCount} ranks for {config.ExpertCount} experts: some ranks would hold none; start at most {config.ExpertCount}, use --partition slices or a --placement with copies");
        }
    }

    private static void RequireValidSlices(EngineOptions options, ModelConfig config, int rankCount)
    {
        if (options.PlacementFile is not null)
            throw new EngineException("--placement says which rank holds which whole experts; use --partition experts with it");
        if (rankCount > config.ExpertHiddenDim)
            throw new EngineException($"{rankCount} ranks for {config.ExpertHiddenDim} hidden units: start at most {config.ExpertHiddenDim}");
        if (options.Deterministic)
            throw new EngineException("--deterministic needs whole experts: slices add in an order that depends on the number of ranks; use --partition experts");
    }
}
