using System.Globalization;

namespace SpmdDbrx.Model.Tokenization;

/// <summary>Unicode's canonical decompositions, compositions and combining classes, read from unicode-normalization.txt in this assembly.</summary>
internal sealed class CanonicalMappings
{
    private readonly Dictionary<int, int[]> decompositions = [];
    private readonly Dictionary<(int First, int Second), int> compositions = [];
    private readonly Dictionary<int, byte> classes = [];

    private CanonicalMappings()
    {
        using Stream stream = typeof(CanonicalMappings).Assembly.GetManifestResourceStream("unicode-normalization.txt")!;
        using StreamReader lines = new(stream);
        while (lines.ReadLine() is { } line)
        {
            string[] fields = line.Split(' ');
            if (fields[0] == "class")
                AddClass(byte.Parse(fields[1], CultureInfo.InvariantCulture), fields[2].Split(".."));
            else if (fields[0] != "#")
                AddDecomposition(fields);
        }
    }

    public static CanonicalMappings Instance { get; } = new();

    /// <summary>What a code point decomposes into, in one step; empty if it does not.</summary>
    public ReadOnlySpan<int> Decomposition(int codePoint) => decompositions.TryGetValue(codePoint, out int[]? parts) ? parts : [];

    /// <summary>What two code points compose into.</summary>
    public bool TryCompose(int first, int second, out int composed) => compositions.TryGetValue((first, second), out composed);

    /// <summary>Canonical combining class; 0 for starters.</summary>
    public byte CombiningClass(int codePoint) => classes.GetValueOrDefault(codePoint);

    private void AddClass(byte combiningClass, string[] range)
    {
        for (int codePoint = Hexadecimal(range[0]); codePoint <= Hexadecimal(range[1]); codePoint++)
            classes.Add(codePoint, combiningClass);
    }

    private void AddDecomposition(string[] fields)
    {
        bool isComposedAgain = fields.Length == 3;
        int[] parts = fields.Skip(1).Where(field => field != "!").Select(Hexadecimal).ToArray();
        decompositions.Add(Hexadecimal(fields[0]), parts);
        if (isComposedAgain)
            compositions.Add((parts[0], parts[1]), Hexadecimal(fields[0]));
    }

    private static int Hexadecimal(string text) => int.Parse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
}
