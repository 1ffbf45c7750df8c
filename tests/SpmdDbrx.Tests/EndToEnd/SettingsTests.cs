using System.Text.Json;
using Xunit;

namespace SpmdDbrx.Tests.EndToEnd;

/// <summary>Options from appsettings.json and the environment.</summary>
public sealed class SettingsTests(PrestackedTinyModel model) : IClassFixture<PrestackedTinyModel>
{
    [Theory]
    [InlineData("{bad", "appsettings.json")]
    [InlineData("{\"max-token\": 4}", "appsettings.json: \"max-token\": no command has an option --max-token")]
    [InlineData("{\"generate\": {\"max-tokens\": 4}}", "appsettings.json: \"generate\": no command has an option --generate")]
    [InlineData("{\"max-tokens\": [4, 5]}", "appsettings.json: \"max-tokens\": expected one value, found several")]
    [InlineData("{\"stop\": {\"first\": \"a\"}}", "appsettings.json: \"stop\": expected one value or a list of values, found several")]
    public void File_WithWhatNoOptionTakes_IsAUsageErrorThatNamesIt(string settings, string expected)
    {
        using TemporaryDirectory folder = new();
        File.WriteAllText(folder["appsettings.json"], settings);
        SpmdProgram.Outcome outcome = SpmdProgram.RunIn(folder.Root, "generate", "--model", model.ModelPath, "-p", "The");
        Assert.Equal(2, outcome.ExitCode);
        Assert.Contains(expected, Assert.Single(outcome.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
    }

    [Fact]
    public void File_ThatCannotBeRead_IsAUsageErrorThatNamesItAndTheReason()
    {
        using TemporaryDirectory folder = new();
        // Rights would not keep a test that runs as root from reading; a lock does.
        using FileStream locked = new(folder["appsettings.json"], FileMode.Create, FileAccess.ReadWrite, FileShare.None);
        SpmdProgram.Outcome outcome = SpmdProgram.RunIn(folder.Root, "generate", "--model", model.ModelPath, "-p", "The");
        Assert.Equal(2, outcome.ExitCode);
        string line = Assert.Single(outcome.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.StartsWith("spmd-dbrx: appsettings.json cannot be read: ", line, StringComparison.Ordinal);
        Assert.Contains(locked.Name, line, StringComparison.Ordinal);
    }

    [Fact]
    public void File_WithAListOfStopTexts_StopsAtAnyOfThem()
    {
        using TemporaryDirectory folder = new();
        File.WriteAllText(folder["appsettings.json"], "{\"stop\": [\"no such text\", \"STATI\"], \"max-tokens\": 40}");
        SpmdProgram.Outcome outcome = SpmdProgram.RunIn(folder.Root, "generate", "--model", model.ModelPath, "-p", "The", "--json");
        Assert.True(outcome.ExitCode == 0, outcome.Errors);
        using JsonDocument report = JsonDocument.Parse(outcome.Output);
        Assert.Equal("stop", report.RootElement.GetProperty("finish_reason").GetString());
        Assert.DoesNotContain("STATI", report.RootElement.GetProperty("text").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Environment_WithAnUnknownSetting_IsAUsageErrorThatNamesTheVariable()
    {
        SpmdProgram.Outcome outcome = SpmdProgram.RunWith("SPMDDBRX_MAX_TOKEN", "4", "generate", "--model", model.ModelPath, "-p", "The");
        Assert.Equal(2, outcome.ExitCode);
        Assert.Contains("SPMDDBRX_MAX_TOKEN: no command has an option --max-token", outcome.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public void Environment_WithAnOptionOfANestedCommand_IsTaken()
    {
        using TemporaryDirectory folder = new();
        File.WriteAllText(folder["no-sweep.json"], "[]");
        SpmdProgram.Outcome outcome = SpmdProgram.RunWith("SPMDDBRX_WORK", folder.Root, "bench", "sweep", folder["no-sweep.json"]);
        Assert.Equal(1, outcome.ExitCode);
        Assert.Contains("no-sweep.json", outcome.Errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("see spmd-dbrx bench sweep --help", "bench", "sweep")]
    [InlineData("see spmd-dbrx bench --help", "bench", "--bogus")]
    [InlineData("see spmd-dbrx --help", "--bogus")]
    public void UsageError_AnyCommand_NamesTheHelpOfThatCommand(string expected, params string[] arguments)
    {
        SpmdProgram.Outcome outcome = SpmdProgram.Run(0, arguments);
        Assert.Equal(2, outcome.ExitCode);
        Assert.EndsWith(expected, outcome.Errors.TrimEnd(), StringComparison.Ordinal);
    }

    [Fact]
    public void Environment_WithAnOption_IsTaken()
    {
        SpmdProgram.Outcome outcome = SpmdProgram.RunWith("SPMDDBRX_MAX_TOKENS", "3", "generate", "--model", model.ModelPath, "-p", "The", "--json");
        Assert.True(outcome.ExitCode == 0, outcome.Errors);
        using JsonDocument report = JsonDocument.Parse(outcome.Output);
        Assert.Equal(3, report.RootElement.GetProperty("tokens").GetArrayLength());
    }
}
