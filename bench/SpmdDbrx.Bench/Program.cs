using BenchmarkDotNet.Running;

namespace SpmdDbrx.Bench;

/// <summary>Kernel benchmarks; every row stands beside the ceiling of the machine probed just before each of its runs.</summary>
internal static class Program
{
    private static void Main(string[] arguments) =>
        BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(arguments, new KernelConfig());
}
