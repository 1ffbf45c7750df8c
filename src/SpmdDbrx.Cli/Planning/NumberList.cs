using System.CommandLine;
using System.Globalization;

namespace SpmdDbrx.Cli.Planning;

/// <summary>Options like <c>--nodes 2,3,4</c>.</summary>
internal static class NumberList
{
    /// <summary>Parses whole numbers of at least 1, separated by commas.</summary>
    /// <exception cref="UsageException">Anything else.</exception>
    public static int[] Parse(Option<string> option, string text)
    {
        string[] parts = text.Split(',');
        int[] numbers = new int[parts.Length];
        for (int index = 0; index < parts.Length; index++)
        {
            if (!int.TryParse(parts[index], NumberStyles.None, CultureInfo.InvariantCulture, out numbers[index]) || numbers[index] < 1)
                throw new UsageException($"{option.Name}: expected whole numbers of at least 1 separated by commas, found {text}");
        }
        return numbers;
    }
}
