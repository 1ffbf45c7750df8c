using System.CommandLine;
using System.Diagnostics;
using SpmdDbrx.Compute;
using SpmdDbrx.Model;
using SpmdDbrx.Model.Inspection;
using SpmdDbrx.Model.Prestack;

namespace SpmdDbrx.Cli.Commands;

/// <summary><c>prestack</c>: a checkpoint becomes a directory that ranks map.</summary>
internal static class PrestackCommand
{
    public static Command Create(Settings settings)
    {
        Command command = new(
            "prestack",
            "Turns a Hugging Face checkpoint into a prestacked directory, once: one file an expert, so that each machine needs only manifest.json, shared.bin, "
            + "the small files and the files of the experts it hosts. The directory appears only when it is complete.");
        Option<string> model = new("--model") { Description = "Hugging Face checkpoint directory (safetensors)", HelpName = "DIR", Required = true };
        Option<string> output = new("--out") { Description = "directory to create", HelpName = "DIR", Required = true };
        Option<string> weights = settings.Option("--weights", "stored", "how weights are stored: stored = as in the checkpoint, or bf16", "TYPE");
        weights.RequireOneOf("stored", "bf16");
        Option<bool> force = settings.Option("--force", false, "replace a prestacked directory that is there");
        Option<int> threads = settings.Option("--threads", new PrestackOptions().Threads, "files written at a time", "T");
        threads.RequireAtLeast(1);
        foreach (Option option in (Option[])[model, output, weights, force, threads])
            command.Options.Add(option);
        command.SetAction(parsed => LocalProgram.Run(cancellation =>
        {
            PrestackOptions options = new()
            {
                Weights = parsed.GetValue(weights) == "bf16" ? ElementType.BFloat16 : null,
                Force = parsed.GetValue(force),
                Threads = parsed.GetValue(threads),
            };
            return Run(parsed.GetRequiredValue(model), parsed.GetRequiredValue(output), options, cancellation);
        }));
        return command;
    }

    private static int Run(string model, string output, PrestackOptions options, CancellationToken cancellation)
    {
        long start = Stopwatch.GetTimestamp();
        using (ByteProgressLine progress = new("prestacking"))
            Prestacker.Run(model, output, options, progress, cancellation);
        ModelDirectory written = ModelDirectory.Open(output);
        long bytes = written.WeightFiles.Sum(file => file.Bytes);
        Console.Out.WriteLine(
            $"{output}: {written.WeightFiles.Count} weight files, {InventoryText.Size(bytes)} in {Stopwatch.GetElapsedTime(start).TotalSeconds:F1} s, fingerprint {written.Fingerprint}");
        return ExitCode.Done;
    }
}
