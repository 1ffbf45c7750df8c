using System.Text;
using System.Text.Json;
using Xunit;

namespace SpmdDbrx.Tests.EndToEnd;

/// <summary>Prompts and texts in files: UTF-8 and nothing else.</summary>
public sealed class UserTextTests(PrestackedTinyModel model) : IClassFixture<PrestackedTinyModel>
{
    public static TheoryData<string, byte[], string> NotUtf8 => new()
    {
        { "--prompt-file", Encoding.Unicode.GetPreamble().Concat(Encoding.Unicode.GetBytes("The")).ToArray(), "found byte 0xFF at offset 0; it looks like UTF-16" },
        { "--prompt-file", Encoding.Latin1.GetBytes("Thé"), "found byte 0xE9 at offset 2" },
        { "--prompts", Encoding.Latin1.GetBytes("{\"prompt\": \"é\"}"), "found byte 0xE9 at offset 12" },
        { "--prompts", Encoding.UTF8.GetBytes("\n \n"), "expected one {\"prompt\": …} a line, found an empty file" },
        { "--file", Encoding.Latin1.GetBytes("The é"), "found byte 0xE9 at offset 4" },
    };

    [Theory, MemberData(nameof(NotUtf8))]
    public void File_NotUtf8OrEmpty_IsRefusedInOneLine(string option, byte[] content, string expected)
    {
        using TemporaryDirectory folder = new();
        File.WriteAllBytes(folder["in"], content);
        SpmdProgram.Outcome outcome = SpmdProgram.Run(0, option == "--file" ? "perplexity" : "generate", "--model", model.ModelPath, option, folder["in"]);
        Assert.NotEqual(0, outcome.ExitCode);
        string line = Assert.Single(outcome.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.Contains(folder["in"], line, StringComparison.Ordinal);
        Assert.Contains(expected, line, StringComparison.Ordinal);
    }

    [Fact]
    public void PromptFile_WithAByteOrderMark_IsReadWithoutIt()
    {
        using TemporaryDirectory folder = new();
        File.WriteAllBytes(folder["plain"], Encoding.UTF8.GetBytes("Thé"));
        File.WriteAllBytes(folder["marked"], [.. Encoding.UTF8.Preamble, .. Encoding.UTF8.GetBytes("Thé")]);
        Assert.Equal(PromptTokens(folder["plain"]), PromptTokens(folder["marked"]));
    }

    private string PromptTokens(string file)
    {
        SpmdProgram.Outcome outcome = SpmdProgram.Run(0, "generate", "--model", model.ModelPath, "--prompt-file", file, "-n", "0", "--json");
        Assert.True(outcome.ExitCode == 0, outcome.Errors);
        using JsonDocument report = JsonDocument.Parse(outcome.Output);
        return report.RootElement.GetProperty("prompt_tokens").GetRawText();
    }
}
