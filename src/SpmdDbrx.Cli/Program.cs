namespace SpmdDbrx.Cli;

internal static class Program
{
    private static int Main(string[] arguments)
    {
        Console.Error.WriteLine($"spmd-dbrx: {arguments.Length} arguments");
        return 2;
    }
}
