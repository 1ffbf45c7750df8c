using System.CommandLine;
using SpmdDbrx.Cli.Generation;
using SpmdDbrx.Engine.Generation;
using SpmdDbrx.Engine.Sampling;
using SpmdDbrx.Engine.Session;
using SpmdDbrx.Model;
using SpmdDbrx.Model.Chat;
using SpmdDbrx.Model.Tokenization;

namespace SpmdDbrx.Cli.Commands;

/// <summary><c>chat</c>: a conversation on rank 0's terminal.</summary>
internal static class ChatCommand
{
    public static Command Create(Settings settings)
    {
        Command command = new("chat", "Talks with the model on rank 0's terminal, in the model's chat template. /reset forgets the conversation, /exit or end of input ends it.");
        Option<string?> system = settings.Option<string?>("--system", null, "system message; default the template's own", "TEXT");
        command.Options.Add(system);
        Func<ParseResult, SamplingArguments> sampling = SamplingArguments.AddTo(command, settings);
        Func<ParseResult, ModelOptions> model = ModelOptions.AddTo(command, settings);
        command.SetAction(parsed => Failure.GuardRanks(() => RankProgram.Run(
            model(parsed), (session, _, _) => new ChatRun(session, sampling(parsed), parsed.GetValue(system)).Execute())));
        return command;
    }

    /// <summary>One conversation on one rank; only rank 0 holds its text.</summary>
    private sealed class ChatRun(RankSession session, SamplingArguments sampling, string? systemMessage)
    {
        private readonly bool isFirst = session.World.Rank == 0;
        private readonly List<ChatMessage> messages = [];

        public int Execute()
        {
            Tokenizer tokenizer = RankZero.LoadTokenizer(session)
                ?? throw new InvalidModelException($"{session.Model.Path}: has no tokenizer.json; chat needs one");
            ChatTemplate template = ChatTemplate.Load(session.Model.Path);
            Generator generator = new(session, tokenizer);
            ulong seed = RankZero.Seed(session.World, sampling.Seed);
            Reset();
            while (true)
            {
                IReadOnlyList<int[]> turn = session.Standby.While(
                    () => RankZero.Broadcast(session.World, "reading the message", () => NextTurn(tokenizer, template)));
                if (turn.Count == 0)
                    return ExitCode.Done;
                GenerationResult result = generator.Run(Request(turn[0], seed++));
                if (isFirst)
                    Console.Out.WriteLine();
                messages.Add(new ChatMessage("assistant", result.Text));
            }
        }

        private void Reset()
        {
            messages.Clear();
            if (systemMessage is not null)
                messages.Add(new ChatMessage("system", systemMessage));
        }

        /// <summary>The conversation with the user's next message as tokens; nothing at the end of input. A turn that does not fit is refused and asked for again.</summary>
        private IReadOnlyList<int[]> NextTurn(Tokenizer tokenizer, ChatTemplate template)
        {
            while (true)
            {
                Console.Out.Write("> ");
                string? line = Console.In.ReadLine();
                if (line is null or "/exit")
                    return [];
                if (line == "/reset")
                    Reset();
                if (line.Length == 0 || line == "/reset")
                    continue;
                messages.Add(new ChatMessage("user", line));
                int[] tokens = tokenizer.Encode(template.Render(messages, addGenerationPrompt: true), parseSpecialTokens: true);
                if (tokens.Length < session.ContextLength)
                    return [tokens];
                messages.RemoveAt(messages.Count - 1);
                Console.Error.WriteLine($"the conversation would take {tokens.Length} of {session.ContextLength} tokens of context: shorten the message, or /reset");
            }
        }

        private GenerationRequest Request(int[] prompt, ulong seed) => new()
        {
            PromptTokens = prompt,
            MaxTokens = sampling.MaxTokens,
            Sampling = new SamplingOptions { Temperature = sampling.Temperature, TopK = sampling.TopK, TopP = sampling.TopP, Seed = seed },
            StopTokens = sampling.IgnoreEos ? [] : GenerationConfig.Load(session.Model.Path).EosTokenIds,
            StopTexts = sampling.StopTexts,
            OnText = isFirst ? Console.Out.Write : null,
        };
    }
}
