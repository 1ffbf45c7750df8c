using System.Text.Json.Nodes;
using SpmdDbrx.Model;
using SpmdDbrx.Model.Chat;
using Xunit;

namespace SpmdDbrx.Tests.Model.Chat;

public class ChatTemplateTests
{
    private static readonly ChatMessage[] Hello = [new("user", "Hi")];

    [Fact]
    public void Load_NamedTemplates_TakesTheDefault()
    {
        using TemporaryDirectory folder = new();
        folder.WriteTemplate(new JsonArray(Named("tool_use", "tool"), Named("default", "{{ messages[0].content }}!")));
        Assert.Equal("Hi!", ChatTemplate.Load(folder.Root).Render(Hello, false));
    }

    [Fact]
    public void Load_NamedTemplatesWithoutDefault_SaysSo()
    {
        using TemporaryDirectory folder = new();
        folder.WriteTemplate(new JsonArray(Named("tool_use", "tool")));
        Assert.Contains("chat_template: expected a template, or a list with one named \"default\"", LoadError(folder), StringComparison.Ordinal);
    }

    [Fact]
    public void Load_TemplateFile_GoesBeforeTheConfig()
    {
        using TemporaryDirectory folder = new();
        folder.WriteTemplate("config");
        File.WriteAllText(folder["chat_template.jinja"], "file{{ eos_token }}");
        Assert.Equal("file</s>", ChatTemplate.Load(folder.Root).Render(Hello, false));
    }

    [Fact]
    public void Load_NoTemplateButChatMlTokens_WritesChatMl()
    {
        using TemporaryDirectory folder = new();
        File.Copy(Path.Combine(RepositoryPaths.TinyModel, "tokenizer.json"), folder["tokenizer.json"]);
        ChatMessage[] messages = [new("system", "Be brief."), new("user", "Hi")];
        Assert.Equal(
            "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n",
            ChatTemplate.Load(folder.Root).Render(messages, true));
    }

    [Fact]
    public void Load_NoTemplateAndNoChatMlTokens_SaysTheModelIsNotForChat()
    {
        using TemporaryDirectory folder = new();
        string tokenizer = File.ReadAllText(Path.Combine(RepositoryPaths.TinyModel, "tokenizer.json"));
        File.WriteAllText(folder["tokenizer.json"], tokenizer.Replace("<|im_", "<|turn_", StringComparison.Ordinal));
        Assert.Contains("found neither", LoadError(folder), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{% macro f() %}{% endmacro %}", "line 1, column 4: the statement 'macro' is not supported")]
    [InlineData("a\nb {{ x|pprint }}", "line 2, column 8: the filter 'pprint' is not supported")]
    [InlineData("{{ x is divisibleby 3 }}", "the test 'divisibleby' is not supported")]
    [InlineData("{{ strftime_now('%d') }}", "the function 'strftime_now' is not supported")]
    [InlineData("{{ 1.5 }}", "numbers other than")]
    [InlineData("{{ 1 < 2 < 3 }}", "chained comparisons are not supported")]
    [InlineData("{{ (1, 2) }}", "tuples are not supported")]
    [InlineData("{% if true %}", "expected '{% endif %}', found the end of the template")]
    [InlineData("{% endfor %}", "the statement 'endfor' is not supported here")]
    [InlineData("{% break %}", "the statement 'break' is not supported here")]
    [InlineData("{{ 'a }}", "a string has no closing quote")]
    [InlineData("{{ a", "'{{' has no '}}'")]
    [InlineData("{# a", "'{#' has no '#}'")]
    [InlineData("{{ a ! b }}", "unexpected character '!'")]
    [InlineData("{{ }}", "expected a value, found '}}'")]
    [InlineData("{% set a, b = 1 %}", "setting several variables at once is not supported")]
    [InlineData("{% for x in y recursive %}{% endfor %}", "expected '%}', found 'recursive'")]
    public void Load_ConstructThatIsNotSupported_NamesItAndItsPosition(string template, string expected)
    {
        using TemporaryDirectory folder = new();
        folder.WriteTemplate(template);
        string message = LoadError(folder);
        Assert.Contains("tokenizer_config.json: chat_template: line ", message, StringComparison.Ordinal);
        Assert.Contains(expected, message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\n {{ messages[0].content.encode() }}", "line 2, column 24: the method 'encode' on text is not supported")]
    [InlineData("{{ x.y }}", "the undefined 'x' has no elements")]
    [InlineData("{{ x + 'a' }}", "'+' does not apply to the undefined 'x' and text")]
    [InlineData("{{ messages }}", "printing a list is not supported")]
    [InlineData("{{ 1 // 0 }}", "division by zero")]
    [InlineData("{{ 9223372036854775807 + 1 }}", "beyond 64 bits")]
    [InlineData("{{ messages|tojson(indent=2) }}", "tojson: the argument 'indent' is not supported by name")]
    [InlineData("{{ 'a'.split('') }}", "the separator must not be empty")]
    [InlineData("{% set messages.a = 1 %}", "expected 'messages' to be a namespace, found a list")]
    [InlineData("{{ 'a' * 1000 }}", "'*' does not apply to text and a whole number")]
    [InlineData("{% for x in 5 %}{% endfor %}", "a whole number cannot be iterated over")]
    [InlineData("{% for a, b in messages %}{% endfor %}", "expected a list of 2")]
    public void Render_OperationThatIsNotSupported_NamesItAndItsPosition(string template, string expected)
    {
        using TemporaryDirectory folder = new();
        folder.WriteTemplate(template);
        ChatTemplate loaded = ChatTemplate.Load(folder.Root);
        Assert.Contains(expected, Assert.Throws<InvalidModelException>(() => loaded.Render(Hello, true)).Message, StringComparison.Ordinal);
    }

    private static JsonObject Named(string name, string template) => new() { ["name"] = name, ["template"] = template };

    private static string LoadError(TemporaryDirectory folder) => Assert.Throws<InvalidModelException>(() => ChatTemplate.Load(folder.Root)).Message;
}
