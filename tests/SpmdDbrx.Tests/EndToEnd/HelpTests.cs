using Xunit;

namespace SpmdDbrx.Tests.EndToEnd;

/// <summary>What --help prints.</summary>
public class HelpTests
{
    [Theory]
    [InlineData("generate")]
    [InlineData("chat")]
    [InlineData("perplexity")]
    [InlineData("bench")]
    [InlineData("bench sweep")]
    [InlineData("prestack")]
    [InlineData("verify")]
    [InlineData("inspect")]
    [InlineData("make-model")]
    [InlineData("doctor")]
    [InlineData("probe")]
    [InlineData("plan")]
    [InlineData("estimate")]
    [InlineData("simulate")]
    public void Help_AnyCommand_DescribesEveryOptionInWords(string command)
    {
        SpmdProgram.Outcome outcome = SpmdProgram.Run(0, [.. command.Split(' '), "--help"]);
        Assert.True(outcome.ExitCode == 0, outcome.Errors);
        Assert.Empty(outcome.Errors);
        string[] options = [.. outcome.Output.Split('\n').Where(line => line.StartsWith("  -", StringComparison.Ordinal))];
        Assert.NotEmpty(options);
        Assert.All(options, option => Assert.Matches(@"^  -\S.*  +\S", option));
        Assert.DoesNotMatch(@"\{[A-Z]", outcome.Output); // code that was to be filled in
    }
}
