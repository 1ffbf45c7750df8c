using System.CommandLine;
using SpmdDbrx.Cli.Planning;
using SpmdDbrx.Compute;
using SpmdDbrx.Compute.Metal;
using SpmdDbrx.Engine.Probe;

namespace SpmdDbrx.Cli.Commands;

/// <summary><c>probe</c>: does the system take weights away from an idle device, and what does that cost (RACS '24, Figure 4)?</summary>
internal static class ProbeCommand
{
    // The emulator has the arithmetic of a GPU, not its speed: its virtual clock does not depend on the sizes.
    private const int EmulatedDim = 8;

    public static Command Create(Settings settings)
    {
        Command command = new("probe", "Measures how waiting between layers slows the next ones: unstacked against prestacked weights, and against residency sets on Metal.");
        Option<string> device = settings.Option("--device", OperatingSystem.IsMacOS() ? "metal" : "cpu", "processor that computes: cpu or metal", "NAME");
        device.RequireOneOf("cpu", "metal");
        Option<int> threads = settings.Option("--threads", System.Environment.ProcessorCount, "threads of the CPU device", "T");
        Option<int> layers = settings.Option("--layers", new ProbeOptions().LayerCount, "layers of three matrices each", "N");
        Option<int?> hidden = settings.Option<int?>("--hidden", null, $"columns of a matrix; default {new ProbeOptions().HiddenDim}, DBRX's", "D");
        Option<int?> neurons = settings.Option<int?>("--ffn", null, $"rows of a matrix; default {new ProbeOptions().ExpertHiddenDim}, DBRX's", "F");
        Option<int> repeats = settings.Option("--repeat", new ProbeOptions().Repeats, "samples averaged at each wait", "R");
        Option<string?> svg = settings.Option<string?>("--svg", null, "write a plot of the time per sample against the wait", "F");
        Option<string> format = ReportFormat.Option(settings);
        foreach (Option<int> option in (Option<int>[])[threads, layers, repeats])
            option.RequireAtLeast(1);
        hidden.RequireAtLeast(1);
        neurons.RequireAtLeast(1);
        foreach (Option option in (Option[])[device, threads, layers, hidden, neurons, repeats, svg, format])
            command.Options.Add(option);
        command.SetAction(parsed => LocalProgram.Run(cancellation =>
        {
            bool metal = parsed.GetRequiredValue(device) == "metal";
            string description = Describe(metal, out bool emulated);
            ProbeOptions options = new() { LayerCount = parsed.GetValue(layers), Repeats = parsed.GetValue(repeats) };
            options = options with
            {
                HiddenDim = parsed.GetValue(hidden) ?? (emulated ? EmulatedDim : options.HiddenDim),
                ExpertHiddenDim = parsed.GetValue(neurons) ?? (emulated ? EmulatedDim : options.ExpertHiddenDim),
            };
            IReadOnlyList<ProbeSubject> subjects = metal ? ProbeSubject.Metal() : ProbeSubject.Cpu(() => new CpuDevice(parsed.GetValue(threads)));
            return Run(subjects, options, description, parsed.GetRequiredValue(format), parsed.GetValue(svg), cancellation);
        }));
        return command;
    }

    private static int Run(
        IReadOnlyList<ProbeSubject> subjects, ProbeOptions options, string description, string format, string? plotFile, CancellationToken cancellation)
    {
        List<ProbeSample> samples = [];
        foreach (ProbeSubject subject in subjects)
        {
            cancellation.ThrowIfCancellationRequested();
            samples.AddRange(DriverProbe.Run(subject, options, cancellation));
        }
        ProbeReport report = new(samples, description, options);
        ReportFormat.Print(format, [("probe", report.Table())]);
        if (plotFile is not null)
            File.WriteAllText(plotFile, report.Plot().ToSvg());
        return ExitCode.Done;
    }

    private static string Describe(bool metal, out bool emulated)
    {
        emulated = false;
        if (!metal)
            return "cpu";
        using MetalDevice device = new();
        emulated = device.IsEmulated;
        return emulated ? "metal, emulated (a model's clock: not a measurement)" : $"metal, {device.Description}";
    }
}
