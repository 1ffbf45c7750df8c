using System.CommandLine;
using System.Diagnostics;
using SpmdDbrx.Compute;
using SpmdDbrx.Model;
using SpmdDbrx.Model.Inspection;
using SpmdDbrx.Model.Synthetic;

namespace SpmdDbrx.Cli.Commands;

/// <summary><c>make-model</c>: a checkpoint with random weights, for benchmarks.</summary>
internal static class MakeModelCommand
{
    public static Command Create(Settings settings)
    {
        Command command = new(
            "make-model",
            "Writes a DBRX checkpoint with random weights in Hugging Face layout, always the same for the same options: something to measure, not to talk to.");
        Option<string> output = new("--out") { Description = "directory to create", HelpName = "DIR", Required = true };
        Option<string> shape = settings.Option("--shape", "S", "sizes: S (2048 wide, 8 layers, 5.7 GB), W (6144 wide, 1 layer, 7.3 GB) or dbrx (264 GB)", "NAME");
        shape.RequireOneOf([.. SyntheticShape.Names]);
        Option<string> type = settings.Option("--dtype", "bf16", "type of the weights: bf16, f16 or f32", "TYPE");
        type.RequireOneOf("bf16", "f16", "f32");
        Option<long> seed = settings.Option("--seed", 0L, "seed of the weights", "N");
        Option<string?> tokenizer = settings.Option<string?>("--tokenizer", null, "model directory whose tokenizer is copied", "DIR");
        Option<long> shard = settings.Option("--shard-bytes", new SyntheticOptions().ShardBytes, "most bytes of a shard", "N");
        foreach (Option option in (Option[])[output, shape, type, seed, tokenizer, shard])
            command.Options.Add(option);
        Func<ParseResult, SyntheticSizes> sizes = AddSizes(command, settings);
        command.SetAction(parsed => LocalProgram.Run(cancellation =>
        {
            ModelConfig config = sizes(parsed).Apply(SyntheticShape.Named(parsed.GetRequiredValue(shape))) with { WeightType = ParseType(parsed.GetRequiredValue(type)) };
            SyntheticOptions options = new()
            {
                Seed = (ulong)parsed.GetValue(seed),
                ShardBytes = parsed.GetValue(shard),
                TokenizerDirectory = parsed.GetValue(tokenizer),
            };
            return Run(config, parsed.GetRequiredValue(output), options, cancellation);
        }));
        return command;
    }

    private static Func<ParseResult, SyntheticSizes> AddSizes(Command command, Settings settings)
    {
        Option<int?> Size(string name, string description)
        {
            Option<int?> option = settings.Option<int?>(name, null, $"{description}; default that of the shape", "N");
            option.RequireAtLeast(1);
            command.Options.Add(option);
            return option;
        }

        Option<int?> layers = Size("--layers", "layers");
        Option<int?> hidden = Size("--hidden-dim", "features of the residual stream");
        Option<int?> heads = Size("--heads", "query heads");
        Option<int?> kvHeads = Size("--kv-heads", "key/value heads");
        Option<int?> experts = Size("--experts", "experts of a layer");
        Option<int?> topK = Size("--experts-per-token", "experts chosen for a token");
        Option<int?> expertHidden = Size("--expert-hidden-dim", "hidden units of an expert");
        Option<int?> vocabulary = Size("--vocabulary", "rows of embedding and LM head");
        return parsed => new SyntheticSizes
        {
            Layers = parsed.GetValue(layers),
            HiddenDim = parsed.GetValue(hidden),
            Heads = parsed.GetValue(heads),
            KvHeads = parsed.GetValue(kvHeads),
            Experts = parsed.GetValue(experts),
            ExpertsPerToken = parsed.GetValue(topK),
            ExpertHiddenDim = parsed.GetValue(expertHidden),
            Vocabulary = parsed.GetValue(vocabulary),
        };
    }

    private static ElementType ParseType(string name) => name switch
    {
        "f16" => ElementType.Float16,
        "f32" => ElementType.Float32,
        _ => ElementType.BFloat16,
    };

    private static int Run(ModelConfig config, string output, SyntheticOptions options, CancellationToken cancellation)
    {
        long start = Stopwatch.GetTimestamp();
        using (ByteProgressLine progress = new("writing"))
            SyntheticCheckpoint.Write(config, output, options, progress, cancellation);
        long bytes = ModelDirectory.Open(output).WeightFiles.Sum(file => file.Bytes);
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        Console.Out.WriteLine($"{output}: {InventoryText.Size(bytes)} in {seconds:F1} s, {InventoryText.Size((long)(bytes / seconds))}/s");
        return ExitCode.Done;
    }
}
