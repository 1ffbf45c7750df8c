using SpmdDbrx.Compute;
using SpmdDbrx.Engine.Decoding;
using SpmdDbrx.Engine.Experts;
using SpmdDbrx.Engine.Placement;
using SpmdDbrx.Engine.Weights;
using SpmdDbrx.Model;
using SpmdDbrx.Model.Prestack;
using SpmdDbrx.Mpi;

namespace SpmdDbrx.Engine.Session;

/// <summary>Everything one rank holds while it runs a model: placement, mapped weights, buffers, decoder.</summary>
public sealed class RankSession : IDisposable
{
    // Tokens whose expert products take a CPU about as long as reading the expert's weights.
    private const int PairsPerExpertRead = 16;

    private readonly Stack<IDisposable> owned = [];
    private ExpertShare share = null!;
    private ExpertAssigner? assigner;
    private MappedWeights mapped = null!;
    private RankWeights weights = null!;
    private long allocatedBytes;

    private RankSession(Intracommunicator world, IDevice device, ModelDirectory model, EngineOptions options)
    {
        World = world;
        Device = device;
        Model = model;
        Options = options;
        ContextLength = options.ContextLength ?? Math.Min(model.Config.ContextLength, EngineOptions.DefaultContextLength);
    }

    /// <summary>All ranks.</summary>
    public Intracommunicator World { get; }

    /// <summary>This rank's processor.</summary>
    public IDevice Device { get; }

    /// <summary>The model on disk.</summary>
    public ModelDirectory Model { get; }

    /// <summary>How it runs.</summary>
    public EngineOptions Options { get; }

    /// <summary>Positions of the KV cache.</summary>
    public int ContextLength { get; }

    /// <summary>The forward pass.</summary>
    public Decoder Decoder { get; private set; } = null!;

    /// <summary>How ranks exchange.</summary>
    public ExpertExchange Exchange { get; private set; } = null!;

    /// <summary>Keeps weights wired while nothing runs.</summary>
    public Standby Standby { get; private set; } = null!;

    /// <summary>Where time goes.</summary>
    public DecodeClock Clock { get; } = new();

    /// <summary>How many experts ran.</summary>
    public ExpertCounters ExpertCounters { get; private set; } = null!;

    /// <summary>The job's hosts, and which ranks map the same files.</summary>
    public HostSharing Sharing { get; private set; } = null!;

    /// <summary>Which rank holds which experts; null = every rank a slice of all.</summary>
    public ExpertPlacement? Placement { get; private set; }

    /// <summary>The placement in a word: contiguous, shared (within hosts), replicated, its file, or none with slices.</summary>
    public string PlacementName => Placement is null ? "none"
        : Options.PlacementFile is { } file ? file
        : !Placement.HasReplicas ? "contiguous"
        : Options.Placement is null ? "shared" : "replicated";

    /// <summary>Bytes of the model's weights that this rank holds in memory. An expert that K ranks of a host map from the same file counts 1/K on
    /// each; what every rank holds counts on every rank.</summary>
    public long WeightBytes { get; private set; }

    /// <summary>Weights, KV cache and activations of this rank, bytes.</summary>
    public long ResidentBytes => WeightBytes + allocatedBytes;

    /// <summary>Opens a model on all ranks; if it fails on one, it fails on all.</summary>
    /// <param name="world">All ranks; each must call this.</param>
    /// <param name="device">This rank's processor.</param>
    /// <param name="modelPath">Model directory; the path may differ from rank to rank, the model may not.</param>
    /// <param name="options">How to run it; equal on all ranks.</param>
    /// <param name="prefaulting">Told how far <see cref="EngineOptions.Prefault"/> has come on this rank.</param>
    /// <exception cref="InvalidModelException">The model is missing or bad on this rank.</exception>
    /// <exception cref="PeerFailedException">It is on another rank.</exception>
    /// <exception cref="RankDisagreementException">Ranks have different models, programs or options.</exception>
    public static RankSession Open(Intracommunicator world, IDevice device, string modelPath, EngineOptions options, IProgress<ByteProgress>? prefaulting = null) =>
        Open(world, device, OpenModel(world, modelPath), options, prefaulting);

    /// <summary>Opens a model directory on all ranks; if it fails on one, it fails on all.</summary>
    /// <exception cref="InvalidModelException">The model is missing or bad on this rank.</exception>
    /// <exception cref="PeerFailedException">It is on another rank.</exception>
    /// <exception cref="RankDisagreementException">Ranks have different models or programs.</exception>
    public static ModelDirectory OpenModel(Intracommunicator world, string modelPath)
    {
        ModelDirectory? model = null;
        RankAgreement.Step(world, "opening the model", () => model = ModelDirectory.Open(modelPath));
        RankAgreement.RequireSame(
            world,
            ("program", typeof(RankSession).Assembly.ManifestModule.ModuleVersionId.ToString()),
            ("model (config, weights, tokenizer)", model!.Fingerprint),
            ("stacking", model.IsPrestacked ? "prestacked" : "unstacked"));
        return model;
    }

    /// <summary>Opens a session on a model that all ranks have opened.</summary>
    /// <param name="world">All ranks; each must call this.</param>
    /// <param name="device">This rank's processor.</param>
    /// <param name="model">The model.</param>
    /// <param name="options">How to run it; equal on all ranks.</param>
    /// <param name="prefaulting">Told how far <see cref="EngineOptions.Prefault"/> has come on this rank.</param>
    /// <exception cref="EngineException">Options that the model or the ranks do not allow.</exception>
    /// <exception cref="PeerFailedException">It failed on another rank.</exception>
    /// <exception cref="RankDisagreementException">Ranks have different options.</exception>
    public static RankSession Open(
        Intracommunicator world, IDevice device, ModelDirectory model, EngineOptions options, IProgress<ByteProgress>? prefaulting = null)
    {
        RankSession session = new(world, device, model, options);
        try
        {
            RankAgreement.Step(world, "checking the options", session.RequireValidOptions);
            session.RequireAgreement();
            session.ShareWithHost();
            session.RequireMemory();
            RankAgreement.Step(world, "mapping its weights", session.Map);
            if (options.Prefault)
                session.Prefault(prefaulting);
            RankAgreement.Step(world, "loading its weights", session.Load);
            return session;
        }
        catch
        {
            session.Dispose();
            throw;
        }
    }

    private void RequireValidOptions()
    {
        ModelConfig config = Model.Config;
        if (ContextLength < 1 || ContextLength > config.ContextLength)
            throw new EngineException($"--context: expected 1 to {config.ContextLength} (the model's own limit), found {ContextLength}");
        if (Options.Partition == Partition.Slices && Options.PlacementFile is not null)
            throw new EngineException("--placement says which rank holds which whole experts; use --partition experts with it");
        if (Options.Prestacked is bool prestacked && prestacked != Model.IsPrestacked)
        {
            throw new EngineException(prestacked
                ? $"{Model.Path}: expected a prestacked directory, found a checkpoint; run prestack, or choose --stacking unstacked"
                : $"{Model.Path}: expected a checkpoint, found a prestacked directory; give the checkpoint's directory, or choose --stacking prestacked");
        }
        if (Options.Partition == Partition.Experts && Options.PlacementFile is null && Options.Placement is null && World.Size > config.ExpertCount)
        {
            throw new EngineException(
                $"{World.Size} ranks for {config.ExpertCount} experts: some ranks would hold none; start at most {config.ExpertCount}, use --partition slices or a --placement with copies");
        }
        if (Options.Partition == Partition.Slices && World.Size > config.ExpertHiddenDim)
            throw new EngineException($"{World.Size} ranks for {config.ExpertHiddenDim} hidden units: start at most {config.ExpertHiddenDim}");
        if (Options.Partition == Partition.Slices && Options.Deterministic)
            throw new EngineException("--deterministic needs whole experts: slices add in an order that depends on the number of ranks; use --partition experts");
        if (Options.Partition == Partition.Experts)
        {
            Placement = Options.PlacementFile is not null
                ? ExpertPlacementFile.Load(Options.PlacementFile, config.ExpertCount, World.Size)
                : Options.Placement ?? ExpertPlacement.Contiguous(config.ExpertCount, World.Size);
        }
    }

    private void RequireAgreement() => RankAgreement.RequireSame(
        World,
        ("context", $"{ContextLength}"),
        ("batch", $"{Options.BatchTokens}"),
        ("placement", Placement is null ? "slices" : ExpertPlacementFile.Fingerprint(Placement)),
        ("strategy", $"{Options.Topology}, {Options.Loading}, {Options.Partition}, shared {Options.SharesExperts}, deterministic {Options.Deterministic}"),
        ("prefault", $"{Options.Prefault}"),
        ("verification of weights", $"{Options.VerifyWeights}"));

    private void ShareWithHost()
    {
        Sharing = HostSharing.Find(World, Model);
        if (Placement is not null && Options.SharesExperts && Options.Loading != Loading.BusyFull)
            Placement = Sharing.Share(Placement);
    }

    private int Batch => Math.Min(Options.BatchTokens, ContextLength);

    private long CacheBytes => KvCache.BytesOf(Model.Config.LayerCount, Model.Config.Attention, ContextLength);

    /// <summary>Ranks of one host have one memory, and what several of them map lies in it once.</summary>
    private void RequireMemory()
    {
        long own = 0;
        RankAgreement.Step(World, "counting its bytes", () =>
        {
            (share, assigner) = Place(Batch);
            own = RankWeights.FileBytes(Model, share);
            own = Placement is null ? own / Sharing.HoldersBeside(World.Rank, null, null).Length : own - BytesCountedByOthers(share);
            own += RankBuffers.BytesOf(Model.Config, ContextLength, Options);
        });
        using Intracommunicator host = World.SplitByHost();
        Span<long> hostBytes = [own];
        host.Allreduce(hostBytes, Operation<long>.Add);
        long needed = hostBytes[0];
        string holders = host.Size == 1 ? $"rank {World.Rank} holds" : $"the {host.Size} ranks of this machine hold";
        RankAgreement.Step(World, "checking its memory", () => Device.RequireMemory(
            needed, $"{Model.Path}: what {holders} of it, with activations and the KV cache of {ContextLength} tokens,"));
    }

    /// <summary>What this rank adds to the memory in use on its host, bytes: what every rank holds counts on the first of those that map the
    /// same files.</summary>
    internal long HostBytes
    {
        get
        {
            bool isFirst = Sharing.HoldersBeside(World.Rank, Placement, expert: null)[0] == World.Rank;
            long replicatedBytes = Model.SharedWeights().Sum(matrix => matrix.Type.ByteCount((long)matrix.Rows * matrix.Columns));
            return WeightBytes - (isFirst ? 0 : replicatedBytes) + CacheBytes;
        }
    }

    private void Map()
    {
        mapped = Own(new MappedWeights(Model, Device));
        weights = RankWeights.Map(Model, mapped, share);
        WeightBytes = mapped.WeightBytes - BytesCountedByOthers(share);
    }

    private void Prefault(IProgress<ByteProgress>? progress)
    {
        using Intracommunicator host = World.SplitByHost();
        Span<long> needed = [HostBytes];
        host.Allreduce(needed, Operation<long>.Add);
        long hostBytes = needed[0];
        RankAgreement.Step(World, "reading its weights into memory", () =>
        {
            WeightPrefault.RequireFit(hostBytes, AvailableMemory.Bytes());
            // What this rank checks the others of the host do not: each reads its part from disk, and finds that of the others in memory.
            WeightPrefault.Run([.. mapped.Ranges.OrderBy(range => !Verifies(range.File))], progress);
        });
    }

    private void Load()
    {
        ModelConfig config = Model.Config;
        int batch = Batch;
        if (Options.VerifyWeights && Model is PrestackedModel prestacked)
            prestacked.Verify(mapped.Files.Where(Verifies), System.Environment.ProcessorCount);

        int outputRowsPerToken = Options.Deterministic ? config.TopK : 1;
        RoutingCheck check = new(World.Rank, World.Size, config.ExpertCount);
        Workspace workspace = Own(new Workspace(
            Device, config, batch, Math.Min(RankBuffers.LogitRows, batch), outputRowsPerToken, check.FloatCount(batch)));
        KvCache cache = Own(new KvCache(Device, config.LayerCount, config.Attention, ContextLength));
        RotaryTable rotary = Own(new RotaryTable(Device, config.HeadDim, config.RopeTheta, ContextLength));
        allocatedBytes = workspace.Bytes + cache.Bytes;

        SpareExperts spares = new(Options.Loading, Model.IsPrestacked ? 1 : config.LayerCount, share.Experts.Count);
        ExpertLayer experts = new(Device, share, assigner, spares, World.Rank, batch, config.TopK, Options.Deterministic);
        Exchange = ExpertExchange.Create(Options.Topology, World, check);
        ExpertCounters = experts.Counters;
        Attention attention = new(Device, config.Attention, rotary, cache);
        Decoder = new Decoder(config, Device, weights, workspace, attention, experts, Exchange, Clock);
        bool standsBy = Options.Standby && Model.IsPrestacked;
        Standby = new Standby(Device, standsBy ? mapped.Pages(share.Experts.Select(expert => Model.Expert(0, expert).W1.File)) : []);
        Standby.Run();
    }

    private (ExpertShare Share, ExpertAssigner? Assigner) Place(int tokenCapacity)
    {
        ModelConfig config = Model.Config;
        if (Placement is null)
            return (new ExpertShare([.. Enumerable.Range(0, config.ExpertCount)], World.Rank, World.Size), null);
        // Bit-identical sums need every expert's tokens together on one rank, as they would be on any other number of ranks.
        int pairsPerUnit = Options.Deterministic ? tokenCapacity * config.TopK : PairsPerExpertRead;
        return (new ExpertShare(Placement.ExpertsOf(World.Rank).ToArray()), new ExpertAssigner(Placement, pairsPerUnit));
    }

    /// <summary>Of the whole experts that this rank maps, the bytes that other ranks of the host map too and count as theirs.</summary>
    private long BytesCountedByOthers(ExpertShare share)
    {
        if (Placement is null)
            return 0;
        ModelConfig config = Model.Config;
        long expertBytes = config.LayerCount * config.WeightType.ByteCount(3L * config.HiddenDim * config.ExpertHiddenDim);
        return share.Experts.Sum(expert =>
        {
            int[] holders = Sharing.HoldersBeside(World.Rank, Placement, expert);
            long part = Array.IndexOf(holders, World.Rank);
            return expertBytes - ((expertBytes * (part + 1) / holders.Length) - (expertBytes * part / holders.Length));
        });
    }

    /// <summary>Whether this rank checks a file: the ranks of a host that map it take turns, file by file.</summary>
    private bool Verifies(MappedFile file)
    {
        int expert = share.Experts.FirstOrDefault(held => file.Path == Path.Combine(Model.Path, Model.Expert(0, held).W1.File), -1);
        int[] holders = Sharing.HoldersBeside(World.Rank, Placement, expert < 0 ? null : expert);
        return holders[(expert + 1) % holders.Length] == World.Rank;
    }

    private T Own<T>(T resource) where T : IDisposable
    {
        owned.Push(resource);
        return resource;
    }

    public void Dispose()
    {
        while (owned.TryPop(out IDisposable? resource))
            resource.Dispose();
    }
}
