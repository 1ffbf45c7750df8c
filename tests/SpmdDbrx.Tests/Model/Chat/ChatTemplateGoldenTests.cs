using System.Security.Cryptography;
using System.Text;
using SpmdDbrx.Model.Chat;
using SpmdDbrx.Model.Tokenization;
using SpmdDbrx.Tests.Model.Tokenization;
using Xunit;

namespace SpmdDbrx.Tests.Model.Chat;

public class ChatTemplateGoldenTests
{
    private static readonly TokenizerGolden Golden = TokenizerGolden.Read();
    private static readonly ChatTemplateGolden Jinja = ChatTemplateGolden.Read();
    private static readonly ChatTemplate TinyTemplate = ChatTemplate.Load(RepositoryPaths.TinyModel);
    private static readonly Tokenizer TinyTokenizer = Tokenizer.Load(RepositoryPaths.TinyModel);

    public static TheoryData<int> ChatCases => [.. Enumerable.Range(0, Golden.Chat.Count)];

    public static TheoryData<int, string> JinjaCases
    {
        get
        {
            var data = new TheoryData<int, string>();
            for (int i = 0; i < Jinja.Cases.Count; i++)
                data.Add(i, Jinja.Cases[i].Name);
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(ChatCases))]
    public void Render_GoldenChat_GivesGoldenTextAndIds(int index)
    {
        TokenizerGolden.ChatCase golden = Golden.Chat[index];
        string text = TinyTemplate.Render(Messages(golden), golden.AddGenerationPrompt);
        Assert.Equal(golden.Text, text);
        Assert.Equal(golden.Ids, TinyTokenizer.Encode(text));
    }

    [Theory]
    [MemberData(nameof(JinjaCases))]
    public void Render_TemplateThatJinja2Rendered_GivesTheSame(int index, string name)
    {
        ChatTemplateGolden.Case golden = Jinja.Cases[index];
        using TemporaryDirectory folder = new();
        folder.WriteTemplate(golden.Template);
        ChatTemplate template = ChatTemplate.Load(folder.Root);
        List<ChatMessage> messages = golden.Messages.Select(message => new ChatMessage(message.Role, message.Content)).ToList();
        if (golden.Refusal is not null)
        {
            var refusal = Assert.Throws<ChatTemplateException>(() => template.Render(messages, golden.AddGenerationPrompt));
            Assert.Contains(golden.Refusal, refusal.Message, StringComparison.Ordinal);
        }
        else
        {
            Assert.True(golden.Text == template.Render(messages, golden.AddGenerationPrompt), name);
        }
    }

    /// <summary>Databricks' own template is not in this repository; SPMD_OFFICIAL_TEMPLATE names a file that holds it.</summary>
    [SkippableFact]
    public void Render_OfficialTemplate_GivesTheRecordedHashes()
    {
        string? path = Environment.GetEnvironmentVariable("SPMD_OFFICIAL_TEMPLATE");
        Skip.If(path is null, "SPMD_OFFICIAL_TEMPLATE does not name a file with DBRX's own chat template");
        using TemporaryDirectory folder = new();
        File.Copy(path!, folder["chat_template.jinja"]);
        ChatTemplate template = ChatTemplate.Load(folder.Root);
        string[] hashes = Golden.Chat
            .Select(golden => template.Render(Messages(golden), golden.AddGenerationPrompt))
            .Select(text => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))).ToArray();
        Assert.Equal(Golden.Official.Hashes, hashes);
    }

    private static List<ChatMessage> Messages(TokenizerGolden.ChatCase golden) =>
        golden.Messages.Select(message => new ChatMessage(message.Role, message.Content)).ToList();
}
