using System.Diagnostics;
using System.Text.Json;
using Xunit;

namespace SpmdDbrx.Tests.EndToEnd;

/// <summary>What goes wrong on one rank ends all of them in seconds, with one clear line and a non-zero code.</summary>
public sealed class FaultTests(PrestackedTinyModel model) : IClassFixture<PrestackedTinyModel>
{
    private const string NeedsMpi = "no mpiexec, or SPMD_MPI_LIBRARY is not set: start the tests with run.sh test";
    private static readonly TimeSpan Quickly = TimeSpan.FromSeconds(30);

    [SkippableTheory]
    [InlineData(0)]
    [InlineData(2)]
    public void Generate_FlippedByteInAnExpertFile_NamesTheFile(int ranks)
    {
        Skip.If(ranks > 0 && !SpmdProgram.HasMpi, NeedsMpi);
        string damaged = model.Copy($"flipped-{ranks}");
        string file = Path.Combine(damaged, "experts", "expert-09.bin");
        byte[] bytes = File.ReadAllBytes(file);
        bytes[bytes.Length / 2] ^= 0x10;
        File.WriteAllBytes(file, bytes);
        RequireOneLine(Generate(ranks, damaged), 1, "expert-09.bin");
    }

    [SkippableFact]
    public void Generate_MissingFileOnOneRank_NamesTheFileAndEndsAll()
    {
        Skip.IfNot(SpmdProgram.HasMpi, NeedsMpi);
        string incomplete = model.Copy("missing");
        File.Delete(Path.Combine(incomplete, "experts", "expert-12.bin"));
        RequireOneLine(SpmdProgram.RunJob([(1, Arguments(model.ModelPath)), (1, Arguments(incomplete))]), 1, "expert-12.bin");
    }

    [SkippableFact]
    public void Generate_OtherModelOnOneRank_NamesWhatDiffers()
    {
        Skip.IfNot(SpmdProgram.HasMpi, NeedsMpi);
        RequireOneLine(
            SpmdProgram.RunJob([(1, Arguments(model.ModelPath)), (1, Arguments(RepositoryPaths.TinyModel))]), 1, "ranks disagree on model");
    }

    [SkippableFact]
    public void Generate_OtherContextOnOneRank_NamesWhatDiffers()
    {
        Skip.IfNot(SpmdProgram.HasMpi, NeedsMpi);
        string[] shorter = [.. Arguments(model.ModelPath), "--context", "64"];
        RequireOneLine(SpmdProgram.RunJob([(1, Arguments(model.ModelPath)), (1, shorter)]), 1, "ranks disagree on context");
    }

    [SkippableTheory]
    [InlineData("--device", "metal", "ranks disagree on --device: rank 0 has cpu, rank 1 has metal")]
    [InlineData("--prefill", "bfloat16", "ranks disagree on --prefill: rank 0 has float32, rank 1 has bfloat16")]
    public void Generate_OtherArithmeticOnOneRank_NamesWhatDiffers(string option, string value, string expected)
    {
        Skip.IfNot(SpmdProgram.HasMpi, NeedsMpi);
        string[] other = [.. Arguments(model.ModelPath), option, value];
        RequireOneLine(SpmdProgram.RunJob([(1, Arguments(model.ModelPath)), (1, other)]), 1, expected);
    }

    [SkippableTheory]
    [InlineData(0)]
    [InlineData(2)]
    public void Generate_PromptLongerThanTheContext_SaysSo(int ranks)
    {
        Skip.If(ranks > 0 && !SpmdProgram.HasMpi, NeedsMpi);
        SpmdProgram.Outcome outcome = SpmdProgram.Run(
            ranks, "generate", "--model", model.ModelPath, "--context", "4", "-p", "one two three four five six seven");
        RequireOneLine(outcome, 1, "the context holds 4");
    }

    [SkippableTheory]
    [InlineData(0)]
    [InlineData(2)]
    public void Generate_UnknownFlag_IsAUsageError(int ranks)
    {
        Skip.If(ranks > 0 && !SpmdProgram.HasMpi, NeedsMpi);
        RequireOneLine(SpmdProgram.Run(ranks, "generate", "--model", model.ModelPath, "-p", "x", "--bogus"), 2, "--bogus");
    }

    [Theory]
    [InlineData("--max-tokens", "-3", "--max-tokens")]
    [InlineData("--max-tokens", "many", "--max-tokens")]
    [InlineData("--temperature", "-1", "--temperature")]
    [InlineData("--top-p", "1.5", "--top-p")]
    [InlineData("--seed", "minus", "--seed")]
    [InlineData("--strategy", "fastest", "--strategy")]
    [InlineData("--partition", "halves", "--partition")]
    [InlineData("--device", "abacus", "--device")]
    [InlineData("--threads", "-1", "--threads")]
    [InlineData("--context", "0", "--context")]
    [InlineData("--standby", "maybe", "--standby")]
    [InlineData("--choice", "on", "--choice")]
    public void Generate_BadOptionValue_IsAUsageErrorThatNamesTheOption(string option, string value, string expected) =>
        RequireOneLine(SpmdProgram.Run(0, "generate", "--model", model.ModelPath, "-p", "x", option, value), 2, expected);

    [Theory]
    [InlineData("1,2,x", 2, "--prompt-tokens")]
    [InlineData("1,99999", 1, "99999")]
    [InlineData("", 2, "--prompt-tokens")]
    public void Generate_BadPromptTokens_SaysWhat(string tokens, int exitCode, string expected) =>
        RequireOneLine(SpmdProgram.Run(0, "generate", "--model", model.ModelPath, "--prompt-tokens", tokens), exitCode, expected);

    [SkippableTheory]
    [InlineData(0)]
    [InlineData(2)]
    public void UnknownCommand_IsAUsageErrorThatNamesIt(int ranks)
    {
        Skip.If(ranks > 0 && !SpmdProgram.HasMpi, NeedsMpi);
        // Several times: whichever rank ends first, rank 0 has spoken.
        for (int attempt = 0; attempt < 3; attempt++)
            RequireOneLine(SpmdProgram.Run(ranks, "genrate", "-p", "x"), 2, "'genrate'");
    }

    [SkippableTheory]
    [InlineData("--device metal --prefill bfloat16", "--prefill bfloat16: expected --device cpu")]
    [InlineData("--partition slices --placement shared", "--placement shared: ")]
    public void Generate_OptionsThatDoNotFitTogether_SaysItOnceForAllRanks(string options, string expected)
    {
        Skip.IfNot(SpmdProgram.HasMpi, NeedsMpi);
        RequireOneLine(SpmdProgram.Run(2, [.. Arguments(model.ModelPath), .. options.Split(' ')]), 2, expected);
    }

    [SkippableFact]
    public void UsageError_OnOneRankOnly_EndsTheJobWithItsLine()
    {
        Skip.IfNot(SpmdProgram.HasMpi, NeedsMpi);
        SpmdProgram.Outcome outcome = SpmdProgram.RunJob([(1, Arguments(model.ModelPath)), (1, [.. Arguments(model.ModelPath), "--bad"])]);
        RequireOneLine(outcome, 2, $"[1/{System.Environment.MachineName}] spmd-dbrx: Unrecognized command or argument '--bad'");
    }

    [Theory]
    [InlineData("--logits")]
    [InlineData("--trace")]
    public void Generate_OutputInNoFolder_NamesTheFileAsGiven(string option) =>
        RequireOneLine(
            SpmdProgram.Run(0, [.. Arguments(model.ModelPath), option, "/no/such/folder/out"]), 1, "spmd-dbrx: /no/such/folder/out: cannot be written: there is no such folder");

    [SkippableTheory]
    [InlineData("--logits")]
    [InlineData("--trace")]
    public void Generate_FullDevice_SaysSoAndLeavesTheDevice(string option)
    {
        Skip.IfNot(OperatingSystem.IsLinux(), "needs /dev/full");
        SpmdProgram.Outcome outcome = SpmdProgram.Run(0, "generate", "--model", model.ModelPath, "-p", "x", "-n", "1", "--json", option, "/dev/full");
        Assert.Equal(1, outcome.ExitCode);
        Assert.Contains("No space left", Assert.Single(outcome.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
        Assert.Throws<IOException>(() => File.WriteAllText("/dev/full", "x"));
    }

    [Fact]
    public void Generate_MoreTokensThanAnyArrayHolds_EndsWithTheContext()
    {
        SpmdProgram.Outcome outcome = SpmdProgram.Run(
            0, "generate", "--model", model.ModelPath, "-p", "x", "--ignore-eos", "--context", "8", "--json", "--max-tokens", $"{int.MaxValue}");

        Assert.Equal((0, ""), (outcome.ExitCode, outcome.Errors));
        using JsonDocument report = JsonDocument.Parse(outcome.Output);
        Assert.Equal("length", report.RootElement.GetProperty("finish_reason").GetString());
        Assert.Equal(8, report.RootElement.GetProperty("tokens").GetArrayLength());
    }

    [Fact]
    public void Generate_NoSuchModel_NamesThePath() =>
        RequireOneLine(SpmdProgram.Run(0, "generate", "--model", "/no/such/model", "-p", "x"), 1, "/no/such/model");

    [SkippableFact]
    public void Generate_MoreRanksThanExperts_SaysHowMany()
    {
        Skip.IfNot(SpmdProgram.HasMpi, NeedsMpi);
        RequireOneLine(Generate(17, model.ModelPath), 1, "17 ranks for 16 experts");
    }

    [SkippableTheory]
    [InlineData(0)]
    [InlineData(1)]
    public void Generate_RankKilledInMidGeneration_EndsTheOthers(int victim)
    {
        Skip.IfNot(SpmdProgram.HasMpi, NeedsMpi);
        // A thousand prompts: the job cannot end by itself before the kill.
        string prompts = Path.Combine(Path.GetTempPath(), $"spmd-prompts-{Guid.NewGuid():N}.jsonl");
        File.WriteAllLines(prompts, Enumerable.Repeat("{\"prompt\": \"The\"}", 1000));
        using Process job = SpmdProgram.Start([(3, ["generate", "--model", model.ModelPath, "--prompts", prompts, "-n", "500", "--ignore-eos", "--stream"])]);
        Task<string> errors = job.StandardError.ReadToEndAsync();
        try
        {
            // Streaming has begun: every rank is in the layer loop.
            char[] text = new char[64];
            Assert.True(job.StandardOutput.ReadBlock(text) == text.Length, errors.IsCompleted ? errors.Result : "no text");
            Task<string> rest = job.StandardOutput.ReadToEndAsync();
            Process.GetProcessById(SpmdProgram.RankProcesses(job.Id)[victim]).Kill();
            Assert.True(job.WaitForExit(Quickly), "the job outlives a killed rank");
            Assert.NotEqual(0, job.ExitCode);
        }
        finally
        {
            if (!job.HasExited)
                job.Kill(entireProcessTree: true);
            File.Delete(prompts);
        }
    }

    private static string[] Arguments(string modelPath) => ["generate", "--model", modelPath, "-p", "The", "-n", "4", "--json"];

    private static SpmdProgram.Outcome Generate(int ranks, string modelPath) => SpmdProgram.Run(ranks, Arguments(modelPath));

    private static void RequireOneLine(SpmdProgram.Outcome outcome, int exitCode, string expected)
    {
        Assert.True(outcome.ExitCode == exitCode, $"exit code {outcome.ExitCode}: {outcome.Errors}");
        Assert.Empty(outcome.Output);
        string line = Assert.Single(outcome.Errors.Split('\n'), line => line.Contains("spmd-dbrx: ", StringComparison.Ordinal));
        Assert.Contains(expected, line, StringComparison.Ordinal);
        Assert.True(outcome.Duration < Quickly, $"took {outcome.Duration.TotalSeconds:F1} s");
    }
}
