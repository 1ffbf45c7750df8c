using System.Globalization;
using SpmdDbrx.Cli.Generation;
using SpmdDbrx.Compute;
using SpmdDbrx.Compute.Metal;
using SpmdDbrx.Engine.Performance;
using SpmdDbrx.Engine.Performance.Calibration;
using SpmdDbrx.Engine.Performance.Choice;
using SpmdDbrx.Engine.Placement;
using SpmdDbrx.Engine.Session;
using SpmdDbrx.Model;
using SpmdDbrx.Mpi;

namespace SpmdDbrx.Cli.Choosing;

/// <summary>Chooses how a job runs when its user does not say: all ranks measure, rank 0 decides, and every rank does what it decided.</summary>
internal static class DeploymentChooser
{
    /// <summary>The options with what was chosen; a collective call.</summary>
    /// <param name="world">All ranks.</param>
    /// <param name="device">This rank's processor.</param>
    /// <param name="model">The model, opened by all ranks.</param>
    /// <param name="options">As the user gave them.</param>
    /// <param name="measured">A calibration that has been made anyway; null = from the cache, or measured here if it can change anything.</param>
    public static ModelOptions Choose(Intracommunicator world, IDevice device, ModelDirectory model, ModelOptions options, ClusterCalibration? measured = null)
    {
        ChoiceOptions choice = options.Choice.OfFirst(world);
        if (world.Size == 1 && choice.Explains)
            Console.Error.WriteLine("one rank: there is nothing to choose");
        if (world.Size == 1 || !(choice.Decides || choice.Explains))
            return options;
        JobConditions job = Conditions(world, device, model, options);
        string? kept = WhyUsual(world, device, job, options, choice);
        if (kept is not null)
        {
            if (world.Rank == 0)
                Console.Error.WriteLine(kept);
            return options;
        }
        ClusterCalibration? cluster = measured ?? CalibrationCache.Obtain(world, device, model.Config.HiddenDim, job.RanksPerHost, choice.Recalibrates);
        string text = RankZero.BroadcastText(world, "choosing strategy and placement", () => Decide(job, cluster!, choice)?.ToText() ?? "");
        if (text.Length == 0 || !choice.Decides)
            return options;
        return Decision.Parse(text).Apply(options, model.Config.ExpertCount);
    }

    private static JobConditions Conditions(Intracommunicator world, IDevice device, ModelDirectory model, ModelOptions options) => new()
    {
        Model = model,
        Sharing = HostSharing.Find(world, model),
        SharesExperts = options.Engine.SharesExperts,
        RunsTogether = device.SharedAssignments >= model.Config.TopK,
        Deterministic = options.Engine.Deterministic,
        BatchTokens = options.Engine.BatchTokens,
        ContextLength = options.Engine.ContextLength ?? Math.Min(model.Config.ContextLength, EngineOptions.DefaultContextLength),
    };

    /// <summary>Whether a rank's processor is emulated: its times mean nothing. A collective call.</summary>
    public static bool IsAnyEmulated(Intracommunicator world, IDevice device) => Largest(world, device is MetalDevice { IsEmulated: true } ? 1 : 0) > 0;

    /// <summary>Why the usual runs whatever is measured, as rank 0 says it on every rank; null = measurements decide.</summary>
    private static string? WhyUsual(
        Intracommunicator world, IDevice device, JobConditions job, ModelOptions options, ChoiceOptions choice)
    {
        bool isEmulated = IsAnyEmulated(world, device);
        if (!isEmulated && (choice.Explains || choice.Recalibrates))
            return null;
        using Intracommunicator host = world.SplitByHost();
        int threads = options.Device.ThreadsOf(world) * host.Size;
        int missingCores = options.Device.Name == "cpu" ? threads - System.Environment.ProcessorCount : 0;
        bool isCrowded = Largest(world, missingCores) > 0;
        string usual = $"chose {(job.IsShared ? Spread.SharedOnNode : Spread.EachOnce).Words()}, p-lr-d";
        double experts = (double)job.Model.Config.TopK / world.Size;
        string text = RankZero.BroadcastText(world, "choosing strategy and placement", () =>
            job.IsSettled
                ? string.Create(CultureInfo.InvariantCulture, $"{usual}: each rank runs {experts:0.##} experts a layer and none waits; nothing spreads them better, so no measurement decides")
            : isEmulated
                ? $"{usual}, whatever is measured: the GPU is emulated, and its times mean nothing"
            : isCrowded
                ? $"{usual}, whatever is measured: {threads} threads share the {System.Environment.ProcessorCount} cores of a host, and times there would mean little"
            : "");
        return text.Length == 0 ? null : text;
    }

    private static Decision? Decide(JobConditions job, ClusterCalibration cluster, ChoiceOptions options)
    {
        DeploymentChoice choice = DeploymentChoice.Make(job, cluster);
        if (options.Explains)
        {
            string unused = options.Decides ? "" : "; not used: options say how to run";
            Console.Error.Write(ChoiceTable.Text(choice, $"{cluster.Hardware.MemoryBytesPerSecond.Source}{unused}"));
        }
        if (options.Decides)
            Console.Error.WriteLine(choice.Sentence());
        return choice.Chosen is { } chosen ? Decision.For(chosen) : null;
    }

    private static int Largest(Intracommunicator world, int value)
    {
        Span<int> values = [value];
        world.Allreduce(values, Operation<int>.Max);
        return values[0];
    }
}
