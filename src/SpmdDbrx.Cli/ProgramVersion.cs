using System.Reflection;

namespace SpmdDbrx.Cli;

/// <summary>Which program this is, for results that are compared later.</summary>
internal static class ProgramVersion
{
    private const int CommitDigits = 10;

    /// <summary>First digits of the commit it was built from; "unknown" outside of a checkout.</summary>
    public static string Commit { get; } = ReadCommit();

    private static string ReadCommit()
    {
        string version = typeof(ProgramVersion).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "";
        int plus = version.IndexOf('+', StringComparison.Ordinal);
        return plus < 0 ? "unknown" : version[(plus + 1)..Math.Min(version.Length, plus + 1 + CommitDigits)];
    }
}
