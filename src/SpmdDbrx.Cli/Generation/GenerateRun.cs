using SpmdDbrx.Engine.Generation;
using SpmdDbrx.Engine.Sampling;
using SpmdDbrx.Engine.Session;
using SpmdDbrx.Model;
using SpmdDbrx.Model.Tokenization;

namespace SpmdDbrx.Cli.Generation;

/// <summary>One run of <c>generate</c> on one rank: every prompt in order, results on rank 0's standard output.</summary>
internal sealed class GenerateRun(
    RankSession session, ModelOptions model, PromptOptions promptOptions, SamplingArguments sampling, OutputOptions output, double loadSeconds)
{
    private readonly bool isFirst = session.World.Rank == 0;

    /// <summary>Generates all texts; returns the exit code.</summary>
    public int Execute()
    {
        Tokenizer? tokenizer = RankZero.LoadTokenizer(session);
        IReadOnlyList<int[]> prompts = RankZero.Broadcast(session.World, "reading the prompt", () => promptOptions.Read(session.Model.Path, tokenizer));
        ulong seed = RankZero.Seed(session.World, sampling.Seed);
        IReadOnlyList<long> residentBytes = RankZero.Gather(session.World, session.ResidentBytes);
        Generator generator = new(session, tokenizer);
        using LogitsFile? logits = isFirst && output.LogitsFile is not null ? new LogitsFile(output.LogitsFile) : null;
        using RoutingRecorder? trace = isFirst && output.TraceFile is not null ? new RoutingRecorder(output.TraceFile, session) : null;
        for (int index = 0; index < prompts.Count; index++)
        {
            if (index > 0)
                session.Standby.Run();
            int[] prompt = prompts[index];
            GenerationResult result = generator.Run(Request(prompt, seed, logits));
            if (isFirst)
                Print(new GenerationReport(session, model, prompt, result, loadSeconds, residentBytes, seed), tokenizer);
        }
        logits?.Complete();
        trace?.Complete();
        return ExitCode.Done;
    }

    private GenerationRequest Request(int[] prompt, ulong seed, LogitsFile? logits) => new()
    {
        PromptTokens = prompt,
        MaxTokens = sampling.MaxTokens,
        Sampling = new SamplingOptions { Temperature = sampling.Temperature, TopK = sampling.TopK, TopP = sampling.TopP, Seed = seed },
        StopTokens = sampling.IgnoreEos ? [] : GenerationConfig.Load(session.Model.Path).EosTokenIds,
        StopTexts = sampling.StopTexts,
        OnText = Streams ? text => Console.Out.Write(text) : null,
        OnLogits = output.LogitsFile is null ? null : (_, values) => logits?.Append(values),
    };

    private bool Streams => isFirst && !output.Json && (output.Stream || (LaunchedRank.IsAlone && !Console.IsOutputRedirected));

    private void Print(GenerationReport report, Tokenizer? tokenizer)
    {
        if (output.Json)
        {
            Console.Out.WriteLine(report.ToJson());
            return;
        }
        string text = tokenizer is null ? string.Join(',', report.Result.Tokens) : report.Result.Text;
        Console.Out.WriteLine(Streams && tokenizer is not null ? "" : text);
        report.WriteTable(Console.Error);
    }
}
