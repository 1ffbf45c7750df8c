using System.Globalization;
using SpmdDbrx.Engine.Performance;
using SpmdDbrx.Engine.Performance.Choice;
using SpmdDbrx.Engine.Performance.Inputs;
using SpmdDbrx.Engine.Performance.Reports;

namespace SpmdDbrx.Cli.Choosing;

/// <summary>What --explain prints: every alternative, the chosen one marked.</summary>
internal static class ChoiceTable
{
    /// <summary>The table.</summary>
    /// <param name="choice">Alternatives and what was chosen.</param>
    /// <param name="title">What was measured on.</param>
    public static string Text(DeploymentChoice choice, string title)
    {
        ReportTable table = new(title, "", "spread", "strategy", "tok/s", "prompt tok/s", "GiB a rank", "MoE ms", "comm. ms", "misc. ms", "note");
        foreach (Candidate candidate in choice.Candidates.OrderByDescending(candidate => candidate.TokensPerSecond))
        {
            Prediction prediction = candidate.Alternative.Prediction;
            string note = candidate.Obstacle ?? (candidate == choice.Usual ? string.Create(CultureInfo.InvariantCulture, $"usual; {DeploymentChoice.Margin:P0} more displaces it") : "");
            table.Add(
                candidate == choice.Chosen ? "→" : "", candidate.Alternative.Name, candidate.StrategyName,
                Number(prediction.TokensPerSecond, "F1"), Number(prediction.PromptTokensPerSecond, "F0"),
                Number(prediction.MemoryBytesPerNode / prediction.Deployment.RanksOnNode / Hardware.GibiByte, "F2"),
                Milliseconds(prediction, TermGroup.Moe), Milliseconds(prediction, TermGroup.Communication), Milliseconds(prediction, TermGroup.Misc), note);
        }
        return table.ToText();
    }

    private static string Milliseconds(Prediction prediction, TermGroup group) => Number(1e3 * prediction.SecondsOf(group), "F3");

    private static string Number(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);
}
