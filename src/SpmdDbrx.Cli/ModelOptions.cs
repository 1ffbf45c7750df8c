using System.CommandLine;
using SpmdDbrx.Cli.Choosing;
using SpmdDbrx.Compute;
using SpmdDbrx.Compute.Metal;
using SpmdDbrx.Engine.Session;
using SpmdDbrx.Mpi;

namespace SpmdDbrx.Cli;

/// <summary>The options of every command that runs a model.</summary>
/// <param name="ModelPath">Model directory.</param>
/// <param name="Device">What computes.</param>
/// <param name="Engine">How the session runs; complete once <see cref="On"/> has been called.</param>
/// <param name="Strategy">The preset, or single axes.</param>
/// <param name="Choice">Whether the program chooses instead.</param>
/// <param name="Standby">"on", "off", or "auto": where the driver takes idle weights away.</param>
/// <param name="HeartbeatSeconds">Silence after which a rank is lost; 0 = nobody watches.</param>
/// <param name="Logging">Where logs go.</param>
internal sealed record ModelOptions(
    string ModelPath, DeviceOptions Device, EngineOptions Engine, StrategyOptions Strategy, ChoiceOptions Choice, string Standby, double HeartbeatSeconds, LoggingOptions Logging)
{
    private const string Contiguous = "contiguous";
    private const string Shared = "shared";

    /// <summary>The preset's name, or "custom" when single axes were set.</summary>
    public string StrategyName => Strategy.Name;

    /// <summary>Which local experts run where the strategy does not say: spare ones too where a device loses the wiring of idle weights.</summary>
    public Loading DeviceLoading { get; private init; } = Loading.OnDemand;

    /// <summary>Adds the options to a command and returns how to read them.</summary>
    public static Func<ParseResult, ModelOptions> AddTo(Command command, Settings settings)
    {
        Option<string> model = new("--model") { Description = "model directory, made by prestack", HelpName = "DIR", Required = true };
        command.Options.Add(model);
        Func<ParseResult, DeviceOptions> device = DeviceOptions.AddTo(command, settings);
        Option<int?> context = settings.Option<int?>("--context", null, $"tokens the KV cache holds; default the model's limit, at most {EngineOptions.DefaultContextLength}", "N");
        context.RequireAtLeast(1);
        Option<int> batch = settings.Option("--batch", new EngineOptions().BatchTokens, "tokens of one prefill batch", "N");
        batch.RequireAtLeast(1);
        Option<string?> placement = settings.Option<string?>(
            "--placement", null,
            "which rank holds which experts: contiguous (each once, in order), shared (the same, and ranks of one host that map the same files also run "
            + "each other's), or a file written by plan; default shared on a CPU, contiguous on a GPU", "F");
        Option<bool> deterministic = settings.Option("--deterministic", false, "bit-identical results for any number of ranks and any placement");
        Option<bool> noVerify = settings.Option("--no-verify", false, "do not check the weights' hashes before the first token");
        Option<bool> prefault = settings.Option("--prefault", false, "read the weights this rank uses into memory before the first token, with progress; for models that are not in the page cache yet");
        Option<double> heartbeat = settings.Option(
            "--heartbeat", HeartbeatOptions.DefaultSeconds, "end the job when a rank is dead, frozen or cut off for so long; 0 = wait for ever", "SECONDS");
        heartbeat.RequireWithin(0, 3600);
        Option<string> standby = settings.Option(
            "--standby", "auto",
            "sum all expert weights of a prestacked model on the device at the start, between requests and while it waits for one, so that the driver "
            + "keeps them wired: on, off or auto (on a GPU without residency sets)", "MODE");
        standby.RequireOneOf("on", "off", "auto");
        foreach (Option option in (Option[])[context, batch, placement, deterministic, noVerify, prefault, standby, heartbeat])
            command.Options.Add(option);
        Func<ParseResult, StrategyOptions> strategy = StrategyOptions.AddTo(command, settings);
        Func<ParseResult, ChoiceOptions> choice = ChoiceOptions.AddTo(command, settings);
        Func<ParseResult, LoggingOptions> logging = LoggingOptions.AddTo(command, settings);
        return parsed =>
        {
            DeviceOptions processor = device(parsed);
            StrategyOptions named = strategy(parsed);
            string? holders = parsed.GetValue(placement);
            if (holders is not null && named.Partition == Partition.Slices)
                throw new UsageException($"--placement {holders}: says which rank holds which whole experts: expected --partition experts, found --partition slices");
            EngineOptions engine = new()
            {
                ContextLength = parsed.GetValue(context),
                BatchTokens = parsed.GetValue(batch),
                PlacementFile = holders is Contiguous or Shared ? null : holders,
                SharesExperts = holders is null ? processor.Name == "cpu" : holders == Shared,
                Deterministic = parsed.GetValue(deterministic),
                VerifyWeights = !parsed.GetValue(noVerify),
                Prefault = parsed.GetValue(prefault),
            };
            return new ModelOptions(
                parsed.GetRequiredValue(model), processor, engine, named, choice(parsed), parsed.GetRequiredValue(standby), parsed.GetValue(heartbeat), logging(parsed));
        };
    }

    /// <summary>The options with their strategy, and with what depends on the devices; a collective call.</summary>
    /// <param name="world">All ranks.</param>
    /// <param name="device">This rank's processor.</param>
    public ModelOptions On(Intracommunicator world, IDevice device)
    {
        bool losesWiring = device is MetalDevice { KeepsWeightsWired: false };
        // Ranks of different systems may differ in it, and all must run the same experts.
        Span<int> losers = [losesWiring ? 1 : 0];
        world.Allreduce(losers, Operation<int>.Max);
        ModelOptions here = this with
        {
            Engine = Engine with { Standby = Standby == "auto" ? losesWiring : Standby == "on" },
            DeviceLoading = losers[0] == 0 ? Loading.OnDemand : Loading.RouterAided,
        };
        return here.With(Strategy);
    }

    /// <summary>The options with another strategy, by its preset's name.</summary>
    public ModelOptions WithPreset(string name, Partition partition) => With(StrategyOptions.Preset(name) with { Partition = partition });

    private ModelOptions With(StrategyOptions strategy) => this with { Strategy = strategy, Engine = strategy.Apply(Engine, DeviceLoading) };
}
