using System.Reflection;
using System.Text;

namespace SpmdDbrx.Compute.Metal;

/// <summary>The text of native/metal, embedded in this assembly: its *.h, then its *.metal, each in the order of their names.</summary>
/// <remarks>The headers guard themselves, so the files' own #include lines have nothing left to do in the joined text.
/// native/metal/Makefile joins the same files in the same order, and the emulator accepts no other text.</remarks>
internal static class KernelSource
{
    private const string Prefix = "metal/";

    public static string Text { get; } = Join();

    private static string Join()
    {
        Assembly assembly = typeof(KernelSource).Assembly;
        IEnumerable<string> names = assembly.GetManifestResourceNames()
            .Where(name => name.StartsWith(Prefix, StringComparison.Ordinal))
            .OrderBy(name => name.EndsWith(".h", StringComparison.Ordinal) ? 0 : 1)
            .ThenBy(name => name, StringComparer.Ordinal);
        StringBuilder text = new();
        foreach (string name in names)
        {
            using StreamReader reader = new(assembly.GetManifestResourceStream(name)!, Encoding.UTF8);
            text.Append(reader.ReadToEnd());
        }
        return text.ToString();
    }
}
