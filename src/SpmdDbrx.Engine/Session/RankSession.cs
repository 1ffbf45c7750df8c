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
    private readonly SessionPlan plan;
    private readonly MappedWeights mapped;
    private readonly SessionBuffers buffers;
    private readonly TeamMemory team;

    private RankSession(IDevice device, SessionPlan plan, MappedWeights mapped, RankWeights weights, SessionBuffers buffers, TeamMemory team)
    {
        ModelConfig config = plan.Model.Config;
        Device = device;
        this.plan = plan;
        this.mapped = mapped;
        this.buffers = buffers;
        this.team = team;
        WeightBytes = mapped.WeightBytes - plan.BytesCountedByOthers();
        SpareExperts spares = new(Options.Loading, Model.IsPrestacked ? 1 : config.LayerCount, plan.Share.Experts.Count);
        ExpertLayer experts = new(device, plan.Share, plan.Assigner, Teams, spares, World.Rank, plan.Batch, config.TopK, Options.Deterministic);
        Exchange = ExpertExchange.Create(Options.Topology, World, buffers.Check);
        ExpertCounters = experts.Counters;
        RankTeams attentionTeams = Options.Topology == Topology.Decentralized ? Teams : RankTeams.None(World.Size);
        Attention attention = new(device, config.Attention, buffers.Rotary, buffers.Cache, attentionTeams, World.Rank);
        LmHead lmHead = new(device, weights.LmHead, plan.LogitRanks, buffers.Workspace.LogitPart, buffers.Workspace.LogitParts, World.Rank);
        Decoder = new Decoder(config, device, weights, buffers.Workspace, attention, lmHead, experts, Exchange, Clock);
        bool standsBy = Options.Standby && Model.IsPrestacked;
        Standby = new Standby(device, standsBy ? mapped.Pages(plan.Share.Experts.Select(expert => Model.Expert(0, expert).W1.File)) : []);
    }

    /// <summary>All ranks.</summary>
    public Intracommunicator World => plan.World;

    /// <summary>This rank's processor.</summary>
    public IDevice Device { get; }

    /// <summary>The model on disk.</summary>
    public ModelDirectory Model => plan.Model;

    /// <summary>How it runs.</summary>
    public EngineOptions Options => plan.Options;

    /// <summary>Positions of the KV cache.</summary>
    public int ContextLength => plan.ContextLength;

    /// <summary>The forward pass.</summary>
    public Decoder Decoder { get; }

    /// <summary>How ranks exchange.</summary>
    public ExpertExchange Exchange { get; }

    /// <summary>Keeps weights wired while nothing runs.</summary>
    public Standby Standby { get; }

    /// <summary>Where time goes.</summary>
    public DecodeClock Clock { get; } = new();

    /// <summary>How many experts ran.</summary>
    public ExpertCounters ExpertCounters { get; }

    /// <summary>Which ranks work on a token together.</summary>
    public RankTeams Teams => team.Teams;

    /// <summary>Why this rank does not work with others of its host that all hold the same experts; null where it does, or where they do not.</summary>
    public string? TeamObstacle => team.Obstacle;

    /// <summary>The job's hosts, and which ranks map the same files.</summary>
    public HostSharing Sharing => plan.Sharing;

    /// <summary>Which rank holds which experts; null = every rank a slice of all.</summary>
    public ExpertPlacement? Placement => plan.Placement;

    /// <summary>The placement in a word: contiguous, shared (within hosts), replicated, its file, or none with slices.</summary>
    public string PlacementName => Placement is null ? "none"
        : Options.PlacementFile is { } file ? file
        : !Placement.HasReplicas ? "contiguous"
        : Options.Placement is null ? "shared" : "replicated";

    /// <summary>Bytes of the model's weights that this rank holds in memory. An expert that K ranks of a host map from the same file counts 1/K on
    /// each; what every rank holds counts on every rank.</summary>
    public long WeightBytes { get; }

    /// <summary>Weights, KV cache, activations and its part of what its team shares, bytes.</summary>
    public long ResidentBytes => WeightBytes + buffers.Bytes + team.Bytes;

    /// <summary>What this rank adds to the memory in use on its host, bytes.</summary>
    internal long HostBytes => plan.HostBytes(WeightBytes);

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
        SessionPlan plan = SessionPlan.Agree(world, model, options);
        plan.RequireMemory(device);
        MappedWeights mapped = new(model, device);
        SessionBuffers? buffers = null;
        TeamMemory? team = null;
        try
        {
            RankWeights? weights = null;
            RankSession? session = null;
            RankAgreement.Step(world, "mapping its weights", () =>
            {
                weights = RankWeights.Map(model, mapped, plan.Share);
                weights.RequireExperts(device, model);
                mapped.AdviseHugePages(plan.RanksBeside);
            });
            IReadOnlySet<MappedFile> verified = plan.FilesToVerify(mapped.Files);
            if (options.Prefault)
                Prefault(plan, mapped, verified, prefaulting);
            team = TeamMemory.Open(plan, device, weights!);
            RankAgreement.Step(world, "loading its weights", () =>
            {
                if (options.VerifyWeights && model is PrestackedModel prestacked)
                    prestacked.Verify(verified, System.Environment.ProcessorCount);
                buffers = new SessionBuffers(device, plan);
                session = new RankSession(device, plan, mapped, weights!, buffers, team);
                session.Standby.Run();
            });
            return session!;
        }
        catch
        {
            team?.Dispose();
            buffers?.Dispose();
            mapped.Dispose();
            throw;
        }
    }

    private static void Prefault(SessionPlan plan, MappedWeights mapped, IReadOnlySet<MappedFile> verified, IProgress<ByteProgress>? progress)
    {
        using Intracommunicator host = plan.World.SplitByHost();
        Span<long> needed = [plan.HostBytes(mapped.WeightBytes - plan.BytesCountedByOthers())];
        host.Allreduce(needed, Operation<long>.Add);
        long hostBytes = needed[0];
        RankAgreement.Step(plan.World, "reading its weights into memory", () =>
        {
            WeightPrefault.RequireFit(hostBytes, AvailableMemory.Bytes());
            // What this rank checks the others of the host do not: each reads its part from disk, and finds that of the others in memory.
            WeightPrefault.Run([.. mapped.Ranges.OrderBy(range => !verified.Contains(range.File))], progress);
        });
    }

    public void Dispose()
    {
        team.Dispose();
        buffers.Dispose();
        mapped.Dispose();
    }
}
