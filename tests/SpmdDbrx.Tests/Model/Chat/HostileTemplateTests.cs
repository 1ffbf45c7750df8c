using System.Diagnostics;
using SpmdDbrx.Model;
using SpmdDbrx.Model.Chat;
using Xunit;

namespace SpmdDbrx.Tests.Model.Chat;

/// <summary>A template comes with a downloaded model: whatever it says, rendering ends soon, with an error and in bounded memory.</summary>
public class HostileTemplateTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    [Theory]
    [InlineData("{% for a in range(1000000000) %}{% endfor %}")]
    [InlineData("{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}")]
    [InlineData("{% set ns = namespace(x='abcdefgh') %}{% for a in range(60) %}{% set ns.x = ns.x + ns.x %}{% endfor %}")]
    [InlineData("{% set ns = namespace(x=['a']) %}{% for a in range(60) %}{% set ns.x = ns.x + ns.x %}{% endfor %}")]
    [InlineData("{% set ns = namespace(x=['a']) %}{% for a in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x|tojson }}")]
    [InlineData("{% set ns = namespace(x=['a'], y=['a']) %}{% for a in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% set ns.y = [ns.y, ns.y] %}{% endfor %}{{ ns.x == ns.y }}")]
    [InlineData("{% set ns = namespace(x=[]) %}{% for a in range(100000) %}{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x|tojson }}")]
    [InlineData("{% set ns = namespace(x=[], y=[]) %}{% for a in range(100000) %}{% set ns.x = [ns.x] %}{% set ns.y = [ns.y] %}{% endfor %}{{ ns.x == ns.y }}")]
    [InlineData("{% set ns = namespace(x='ab') %}{% for a in range(20) %}{% set ns.x = ns.x.replace('a', ns.x) %}{% endfor %}")]
    [InlineData("{% set ns = namespace(x='a') %}{% for a in range(30) %}{% set ns.x = [ns.x, ns.x]|join(ns.x) %}{% endfor %}")]
    [InlineData("{% set ns = namespace(x='a') %}{% for a in range(22) %}{% set ns.x = ns.x + ns.x %}{% endfor %}{% for a in range(1000) %}{{ ns.x.split('a')|length }}{% endfor %}")]
    [InlineData("{% set ns = namespace(x='a') %}{% for a in range(20) %}{% set ns.x = ns.x + ns.x %}{% endfor %}{% set y = ns.x[5:] + 'b' + ns.x[5:] %}{{ y in ns.x + ns.x + ns.x + ns.x }}")]
    [InlineData("{% for a in range(9000000) %}{% for b in messages[0].content %}{% endfor %}{% endfor %}")]
    public void Render_TemplateWithoutEndOrBounds_IsStopped(string template)
    {
        using TemporaryDirectory folder = new();
        folder.WriteTemplate(template);
        ChatTemplate loaded = ChatTemplate.Load(folder.Root);
        var watch = Stopwatch.StartNew();
        Assert.Throws<InvalidModelException>(() => loaded.Render([new ChatMessage("user", "Hi")], true));
        Assert.True(watch.Elapsed < Limit, $"took {watch.Elapsed}");
    }

    [Theory]
    [InlineData("(", "1", ")")]
    [InlineData("[", "1", "]")]
    [InlineData("not ", "1", "")]
    [InlineData("-", "1", "")]
    [InlineData("1 + ", "1", "")]
    [InlineData("'a' ~ ", "1", "")]
    [InlineData("1 or ", "1", "")]
    [InlineData("1 and ", "1", "")]
    [InlineData("1 if 0 else ", "1", "")]
    [InlineData("range(", "1", ")")]
    [InlineData("{'a':", "1", "}")]
    [InlineData("", "x", ".a")]
    [InlineData("", "x", "[0]")]
    [InlineData("", "x", "|trim")]
    [InlineData("", "x", " is defined")]
    [InlineData("2 is in ", "[1]", "")]
    public void Load_ExpressionAThousandDeep_IsRefused(string open, string inner, string close)
    {
        string template = "{{ " + Repeat(open) + inner + Repeat(close) + " }}";
        AssertTooDeep(template);
    }

    [Theory]
    [InlineData("{% if true %}", "{% endif %}")]
    [InlineData("{% for x in y %}", "{% endfor %}")]
    [InlineData("{% set x %}", "{% endset %}")]
    [InlineData("{% generation %}", "{% endgeneration %}")]
    public void Load_BlocksAThousandDeep_AreRefused(string open, string close) => AssertTooDeep(Repeat(open) + Repeat(close));

    [Fact]
    public void Load_TemplateOfSeveralMegabytes_IsRefused()
    {
        using TemporaryDirectory folder = new();
        folder.WriteTemplate(new string('a', 3 << 20));
        Assert.Contains("expected at most", Assert.Throws<InvalidModelException>(() => ChatTemplate.Load(folder.Root)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_RandomTemplates_ParseOrAreRefused()
    {
        string[] words =
        [
            "{{", "}}", "{%", "%}", "{#", "#}", "-", "+", "if", "elif", "else", "endif", "for", "in", "endfor", "set", "endset", "x", "loop", "messages",
            "'a'", "\"", "'", "\\", "1", "(", ")", "[", "]", "{", "}", ":", ",", ".", "|", "trim", "is", "not", "defined", "=", "==", "and", "or", " ", "\n", "\0", "\ud83d\ude00", "é",
        ];
        var random = new Random(7);
        using TemporaryDirectory folder = new();
        int parsed = 0;
        for (int i = 0; i < 1000; i++)
        {
            string template = string.Join(random.Next(2) == 0 ? " " : "", Enumerable.Range(0, random.Next(1, 14)).Select(_ => words[random.Next(words.Length)]));
            File.WriteAllText(folder["chat_template.jinja"], template);
            try
            {
                ChatTemplate.Load(folder.Root).Render([new ChatMessage("user", "Hi")], true);
                parsed++;
            }
            catch (InvalidModelException)
            {
                // A clear refusal is the other right answer; anything else fails the test.
            }
        }
        Assert.InRange(parsed, 1, 999);
    }

    private static string Repeat(string text) => string.Concat(Enumerable.Repeat(text, 1000));

    private static void AssertTooDeep(string template)
    {
        using TemporaryDirectory folder = new();
        folder.WriteTemplate(template);
        Assert.Contains("deep are not supported", Assert.Throws<InvalidModelException>(() => ChatTemplate.Load(folder.Root)).Message, StringComparison.Ordinal);
    }
}
