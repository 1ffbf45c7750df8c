using System.CommandLine;
using SpmdDbrx.Model;
using SpmdDbrx.Model.Inspection;

namespace SpmdDbrx.Cli.Commands;

/// <summary><c>inspect</c>: what is in a model directory.</summary>
internal static class InspectCommand
{
    public static Command Create(Settings settings)
    {
        Command command = new("inspect", "Shows what is in a checkpoint or prestacked directory, and the memory a rank needs for some numbers of ranks.");
        Option<string> model = new("--model") { Description = "model directory of either kind", HelpName = "DIR", Required = true };
        Option<bool> json = settings.Option("--json", false, "print one JSON object");
        command.Options.Add(model);
        command.Options.Add(json);
        command.SetAction(parsed => LocalProgram.Run(_ =>
        {
            Inventory inventory = Inventory.Of(ModelDirectory.Open(parsed.GetRequiredValue(model)));
            if (parsed.GetValue(json))
                Console.Out.WriteLine(inventory.ToJson());
            else
                InventoryText.Write(inventory, Console.Out);
            return ExitCode.Done;
        }));
        return command;
    }
}
