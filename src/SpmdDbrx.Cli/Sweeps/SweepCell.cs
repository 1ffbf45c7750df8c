using System.Globalization;
using System.Text.Json.Nodes;

namespace SpmdDbrx.Cli.Sweeps;

/// <summary>One job of a sweep: a prompt and a text on so many nodes, spread and connected in one way.</summary>
/// <param name="Sweep">What all its cells share.</param>
/// <param name="Nodes">Nodes, one rank each.</param>
/// <param name="System">How the model is spread.</param>
/// <param name="Network">How the nodes are connected.</param>
/// <param name="PromptTokens">Prompt length.</param>
internal sealed record SweepCell(Sweep Sweep, int Nodes, SweepSystem System, SweepNetwork Network, int PromptTokens)
{
    /// <summary>Everything that decides the result, apart from the program: cells with equal keys are measured once.</summary>
    public string Key => ToJson().ToJsonString();

    /// <summary>The key's fields.</summary>
    public JsonObject ToJson()
    {
        JsonObject network = [];
        foreach ((string key, int value) in Network.Settings)
            network[key] = value;
        return new JsonObject
        {
            ["launcher"] = string.Join(' ', Sweep.Launcher),
            ["model"] = Sweep.Model.Name,
            ["nodes"] = Nodes,
            ["system"] = System.ToJson(),
            ["network"] = network,
            ["prompt_tokens"] = PromptTokens,
            ["generated_tokens"] = Sweep.GeneratedTokens,
            ["repeats"] = Sweep.Repeats,
            ["threads"] = Sweep.Threads,
            ["options"] = string.Join(' ', Sweep.Options),
        };
    }

    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{Nodes} node{(Nodes == 1 ? "" : "s")}, {System.Name}, {Network.Name}, prompt of {PromptTokens}");
}
