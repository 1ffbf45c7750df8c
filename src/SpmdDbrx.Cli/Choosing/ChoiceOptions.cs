using System.CommandLine;
using SpmdDbrx.Mpi;

namespace SpmdDbrx.Cli.Choosing;

/// <summary>Whether the program chooses strategy, partition and placement, and what it tells about it.</summary>
/// <param name="Decides">The user named none of them and did not switch the choice off.</param>
/// <param name="Explains">Print every alternative.</param>
/// <param name="Recalibrates">Measure the cluster again.</param>
internal sealed record ChoiceOptions(bool Decides, bool Explains, bool Recalibrates)
{
    /// <summary>Options that leave nothing to choose.</summary>
    private static readonly string[] Deciding = ["--strategy", "--stacking", "--topology", "--loading", "--partition", "--placement"];

    /// <summary>Adds the options to a command and returns how to read them.</summary>
    public static Func<ParseResult, ChoiceOptions> AddTo(Command command, Settings settings)
    {
        Option<string> choice = settings.Option(
            "--choice", "auto",
            $"auto: when none of {string.Join(", ", Deciding)} is given, pick what is predicted clearly faster than the usual (p-lr-d, whole experts, shared "
            + $"by the ranks of a host) from latency, bandwidth and memory, measured once a cluster and again after {CalibrationCache.DaysKept} days; off: run the usual", "MODE");
        choice.RequireOneOf("auto", "off");
        Option<bool> explain = settings.Option("--explain", false, "print every alternative with its predicted speed and memory on standard error");
        Option<bool> recalibrate = settings.Option("--recalibrate", false, $"measure the cluster again instead of using what a start of the last {CalibrationCache.DaysKept} days measured, as when its network has changed");
        foreach (Option option in (Option[])[choice, explain, recalibrate])
            command.Options.Add(option);
        return parsed => new ChoiceOptions(
            parsed.GetValue(choice) == "auto" && !command.Options.Any(option => Deciding.Contains(option.Name) && parsed.GetResult(option) is { Implicit: false }),
            parsed.GetValue(explain),
            parsed.GetValue(recalibrate));
    }

    /// <summary>What rank 0 was told, on every rank: a launcher need not pass the environment on to other hosts.</summary>
    public ChoiceOptions OfFirst(Intracommunicator world)
    {
        Span<int> flags = [Decides ? 1 : 0, Explains ? 1 : 0, Recalibrates ? 1 : 0];
        world.Broadcast(flags, 0);
        return new ChoiceOptions(flags[0] == 1, flags[1] == 1, flags[2] == 1);
    }
}
