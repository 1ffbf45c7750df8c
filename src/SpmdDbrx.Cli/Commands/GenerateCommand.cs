using System.CommandLine;
using SpmdDbrx.Cli.Generation;

namespace SpmdDbrx.Cli.Commands;

/// <summary><c>generate</c>: prompts in, text out.</summary>
internal static class GenerateCommand
{
    public static Command Create(Settings settings)
    {
        Command command = new("generate", "Generates text from a prompt on all ranks of the job; rank 0 prints it.");
        Func<ParseResult, PromptOptions> prompt = PromptOptions.AddTo(command, settings);
        Func<ParseResult, SamplingArguments> sampling = SamplingArguments.AddTo(command, settings);
        Func<ParseResult, OutputOptions> output = OutputOptions.AddTo(command, settings);
        Func<ParseResult, ModelOptions> model = ModelOptions.AddTo(command, settings);
        command.SetAction(parsed => Failure.GuardRanks(() =>
        {
            return RankProgram.Run(model(parsed), (session, options, loadSeconds) =>
                new GenerateRun(session, options, prompt(parsed), sampling(parsed), output(parsed), loadSeconds).Execute());
        }));
        return command;
    }
}
