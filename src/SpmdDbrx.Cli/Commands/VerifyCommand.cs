using System.CommandLine;
using System.Diagnostics;
using SpmdDbrx.Model.Prestack;

namespace SpmdDbrx.Cli.Commands;

/// <summary><c>verify</c>: every hash of a prestacked directory.</summary>
internal static class VerifyCommand
{
    public static Command Create(Settings settings)
    {
        Command command = new("verify", "Checks every byte of a prestacked directory against its hashes and names each bad section, one a line.");
        Option<string> model = new("--model") { Description = "prestacked directory", HelpName = "DIR", Required = true };
        Option<bool> present = settings.Option("--present", false, "expert files may be missing, as on a machine that hosts only some experts");
        Option<int> threads = settings.Option("--threads", System.Environment.ProcessorCount, "files read at a time", "T");
        threads.RequireAtLeast(1);
        foreach (Option option in (Option[])[model, present, threads])
            command.Options.Add(option);
        command.SetAction(parsed => LocalProgram.Run(cancellation =>
            Run(parsed.GetRequiredValue(model), parsed.GetValue(present), parsed.GetValue(threads), cancellation)));
        return command;
    }

    private static int Run(string model, bool presentOnly, int threads, CancellationToken cancellation)
    {
        long start = Stopwatch.GetTimestamp();
        IReadOnlyList<Damage> damages;
        using (ByteProgressLine progress = new("verifying"))
            damages = Verifier.Run(model, presentOnly, threads, progress, cancellation);
        foreach (Damage damage in damages)
            Console.Out.WriteLine(damage);
        if (damages.Count > 0)
            throw new IOException($"{model}: {damages.Count} faults; copy the named files again or run prestack again");
        Console.Out.WriteLine($"{model}: every hash holds ({Stopwatch.GetElapsedTime(start).TotalSeconds:F1} s)");
        return ExitCode.Done;
    }
}
