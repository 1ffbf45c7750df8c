using System.CommandLine;
using System.Globalization;
using SpmdDbrx.Cli.Benchmarks;
using SpmdDbrx.Cli.Choosing;
using SpmdDbrx.Compute;
using SpmdDbrx.Engine.Benchmarks;
using SpmdDbrx.Engine.Performance.Calibration;
using SpmdDbrx.Engine.Session;
using SpmdDbrx.Model;
using SpmdDbrx.Mpi;

namespace SpmdDbrx.Cli.Commands;

/// <summary><c>bench</c>: llama-bench's tests and columns, beside the machine's own limits and the performance model's prediction.</summary>
internal static class BenchCommand
{
    private sealed record Plan(IReadOnlyList<BenchmarkTest> Tests, IReadOnlyList<string>? Strategies, int Repeats, bool ProbesMachine, string Format)
    {
        /// <summary>Refuses plans that differ: a launcher need not pass the environment on to other hosts.</summary>
        public void RequireAgreement(Intracommunicator world) => RankAgreement.RequireSame(
            world,
            ("tests", string.Join(", ", Tests)),
            ("--strategies", Strategies is null ? "none" : string.Join(',', Strategies)),
            ("--repeat", $"{Repeats}"),
            ("--no-probe", $"{!ProbesMachine}"));
    }

    public static Command Create(Settings settings)
    {
        Command command = new(
            "bench",
            "Measures prompt processing (pp) and generation (tg). Each test warms up once; bandwidth and peak of the same ranks are probed before and after every repetition.");
        Option<string> prompts = settings.Option("--pp", "512", "prompt lengths, tokens; 0 = none", "LIST");
        Option<string> generated = settings.Option("--tg", "128", "tokens to generate; 0 = none", "LIST");
        Option<int> depth = settings.Option("--depth", 0, "tokens already in the KV cache", "N");
        depth.RequireAtLeast(0);
        Option<string?> strategies = settings.Option<string?>("--strategies", null, "presets to compare: naive,p-lb,p-lr-d; default the one of --strategy", "LIST");
        Option<int> repeats = settings.Option("--repeat", 5, "repetitions that count", "R", "-r");
        repeats.RequireAtLeast(1);
        Option<bool> noProbe = settings.Option("--no-probe", false, "do not measure bandwidth and peak beside each test");
        Option<string> format = settings.Option("--output", "md", "md, csv, json or jsonl", "FORMAT", "-o");
        format.RequireOneOf("md", "csv", "json", "jsonl");
        foreach (Option option in (Option[])[prompts, generated, depth, strategies, repeats, noProbe, format])
            command.Options.Add(option);
        Func<ParseResult, ModelOptions> model = ModelOptions.AddTo(command, settings);
        command.Subcommands.Add(SweepCommand.Create());
        command.SetAction(parsed => Failure.GuardRanks(() =>
        {
            ModelOptions options = model(parsed);
            BenchmarkTest[] tests =
            [
                .. Lengths("--pp", parsed.GetRequiredValue(prompts)).Select(tokens => new BenchmarkTest(true, tokens, parsed.GetValue(depth))),
                .. Lengths("--tg", parsed.GetRequiredValue(generated)).Select(tokens => new BenchmarkTest(false, tokens, parsed.GetValue(depth))),
            ];
            if (tests.Length == 0)
                throw new UsageException("--pp and --tg: expected at least one test, found none");
            string[]? presets = parsed.GetValue(strategies)?.Split(',', StringSplitOptions.TrimEntries);
            if (presets is not null)
                options = options with { Choice = options.Choice with { Decides = false } };
            Option? axis = command.Options.FirstOrDefault(option => StrategyOptions.Axes.Contains(option.Name) && parsed.GetResult(option) is { Implicit: false });
            if (presets is not null && axis is not null)
                throw new UsageException($"--strategies: expected no {string.Join(", ", StrategyOptions.Axes)} beside it, found {axis.Name}");
            string? unknown = presets?.FirstOrDefault(preset => !StrategyOptions.Presets.Contains(preset));
            if (unknown is not null)
                throw new UsageException($"--strategies: expected {string.Join(" or ", StrategyOptions.Presets)}, found '{unknown}'");
            Plan plan = new(tests, presets, parsed.GetValue(repeats), !parsed.GetValue(noProbe), parsed.GetRequiredValue(format));
            return RankProgram.Run(options.Logging, options.HeartbeatSeconds, world => Run(world, options, plan));
        }));
        return command;
    }

    private static IEnumerable<int> Lengths(string option, string text)
    {
        foreach (string part in text.Split(',', StringSplitOptions.TrimEntries))
        {
            if (!int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out int tokens))
                throw new UsageException($"{option}: expected numbers of tokens separated by commas, found '{part}'");
            if (tokens > 0)
                yield return tokens;
        }
    }

    private static int Run(Intracommunicator world, ModelOptions options, Plan plan)
    {
        plan.RequireAgreement(world);
        using IDevice device = options.Device.Create(world);
        options = options.On(world, device);
        ModelDirectory model = RankSession.OpenModel(world, options.ModelPath);
        ClusterCalibration? calibration = DeploymentChooser.IsAnyEmulated(world, device) ? null : ClusterCalibration.Measure(world, device, model.Config.HiddenDim);
        ModelOptions chosen = DeploymentChooser.Choose(world, device, model, options, calibration);
        BenchOutput output = new(world.Rank == 0 ? Console.Out : TextWriter.Null, plan.Format);
        foreach (string preset in plan.Strategies ?? [chosen.StrategyName])
        {
            EngineOptions engine = preset == chosen.StrategyName ? chosen.Engine : options.WithPreset(preset, options.Engine.Partition).Engine;
            engine = engine with { ContextLength = engine.ContextLength ?? plan.Tests.Max(test => test.ContextLength) };
            using RankSession session = RankProgram.Open(world, device, model, engine);
            using ModelBenchmark benchmark = new(session, plan.ProbesMachine);
            foreach (BenchmarkTest test in plan.Tests)
            {
                BenchmarkResult result = benchmark.Run(test, plan.Repeats);
                output.Add(new BenchRow(session, preset, result, calibration is null ? null : BenchPrediction.Of(session, calibration, result)));
            }
        }
        output.Complete();
        return ExitCode.Done;
    }
}
