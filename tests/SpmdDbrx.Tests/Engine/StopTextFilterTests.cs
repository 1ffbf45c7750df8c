using SpmdDbrx.Engine.Generation;
using Xunit;

namespace SpmdDbrx.Tests.Engine;

public sealed class StopTextFilterTests
{
    [Theory]
    [InlineData("no stop here", "no stop here", false, "STOP")]
    [InlineData("before STOP after", "before ", true, "STOP")]
    [InlineData("STOP", "", true, "STOP")]
    [InlineData("STO", "STO", false, "STOP")]
    [InlineData("aab", "", true, "aab")]
    [InlineData("aaab", "a", true, "aab")]
    [InlineData("x\n\nUser: y", "x", true, "User:", "\n\n")]
    [InlineData("anything", "anything", false)]
    public void Append_TextInAnyPieces_EndsAtTheFirstStopText(string text, string expected, bool stopped, params string[] stops)
    {
        for (int pieceLength = 1; pieceLength <= text.Length; pieceLength++)
        {
            StopTextFilter filter = new(stops);
            string printed = "";
            for (int start = 0; start < text.Length && !filter.Stopped; start += pieceLength)
                printed += filter.Append(text.Substring(start, Math.Min(pieceLength, text.Length - start)));
            printed += filter.Flush();
            Assert.Equal(stopped, filter.Stopped);
            Assert.Equal(expected, printed);
            Assert.Equal(expected, filter.Passed);
        }
    }
}
