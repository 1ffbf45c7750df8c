using System.CommandLine;
using SpmdDbrx.Cli.Diagnosis;
using SpmdDbrx.Mpi;

namespace SpmdDbrx.Cli.Commands;

/// <summary><c>doctor</c>: what every rank's machine has, whether a model fits, and what is to be mended.</summary>
internal static class DoctorCommand
{
    public static Command Create(Settings settings)
    {
        Command command = new("doctor", "Shows what the machine of every rank has and whether a model fits; ends with \"ok\" or with what to mend.");
        Option<string?> model = settings.Option<string?>("--model", null, "model directory that is to run", "DIR");
        Option<int?> ranks = settings.Option<int?>("--ranks", null, "ranks that are to run it, one a machine; default as many as run now", "N");
        ranks.RequireAtLeast(1);
        Option<string> device = settings.Option("--device", OperatingSystem.IsMacOS() ? "metal" : "cpu", "processor that is to compute: cpu or metal", "NAME");
        device.RequireOneOf("cpu", "metal");
        foreach (Option option in (Option[])[model, ranks, device])
            command.Options.Add(option);
        Func<ParseResult, LoggingOptions> logging = LoggingOptions.AddTo(command, settings);
        command.SetAction(parsed => RankProgram.Run(logging(parsed), HeartbeatOptions.DefaultSeconds, world =>
        {
            DiagnosisOptions options = new(parsed.GetValue(model), parsed.GetValue(ranks), parsed.GetRequiredValue(device) == "metal");
            IReadOnlyList<RankDiagnosis> diagnoses = RankDiagnosis.Gather(world, MachineExamination.Run(world, options));
            if (world.Rank == 0)
                Print(diagnoses);
            world.Barrier(); // a rank that fails ends the job: not before rank 0 has spoken
            return diagnoses.Any(rank => rank.Faults.Count > 0) ? ExitCode.Failed : ExitCode.Done;
        }));
        return command;
    }

    private static void Print(IReadOnlyList<RankDiagnosis> diagnoses)
    {
        foreach (RankDiagnosis rank in diagnoses)
        {
            Console.Out.WriteLine(rank.Title);
            foreach (string finding in rank.Findings)
                Console.Out.WriteLine($"  {finding}");
        }
        string[] faults = [.. diagnoses.SelectMany(rank => rank.Faults.Select(fault => $"  {rank.Title}: {fault}"))];
        Console.Out.WriteLine(faults.Length == 0 ? "ok" : "to mend:");
        foreach (string fault in faults)
            Console.Out.WriteLine(fault);
    }
}
