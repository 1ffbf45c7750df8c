using SpmdDbrx.Model;
using Xunit;

namespace SpmdDbrx.Tests.Model;

/// <summary>Asserts that a bad file is refused with one line that says what is wrong.</summary>
internal static class Refusal
{
    /// <param name="action">What must fail.</param>
    /// <param name="fragments">Texts that the message must have: file, field or tensor, expected, found.</param>
    public static void Of(Action action, params string[] fragments)
    {
        InvalidModelException error = Assert.Throws<InvalidModelException>(action);
        Assert.DoesNotContain('\n', error.Message);
        Assert.All(fragments, fragment => Assert.Contains(fragment, error.Message, StringComparison.Ordinal));
    }
}
