using BenchmarkDotNet.Running;
using SpmdDbrx.Engine.Session;

namespace SpmdDbrx.Bench;

/// <summary>Kernel benchmarks; every row stands beside the ceiling of the machine probed just before each of its runs. And <see cref="ContextCost"/>, of whole tokens.</summary>
internal static class Program
{
    private const int GraceMilliseconds = 1000;

    private static int Main(string[] arguments)
    {
        if (arguments is not ["context-cost", .. var rest])
        {
            BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(arguments, new KernelConfig());
            return 0;
        }
        if (rest is not [var model, var threads, var pairs] || !int.TryParse(threads, out int threadCount) || !int.TryParse(pairs, out int pairCount)
            || threadCount < 1 || pairCount < 1)
        {
            Console.Error.WriteLine("context-cost: expected MODEL.prestacked THREADS PAIRS");
            return 2;
        }
        return Mpi.Environment.Run(
            world =>
            {
                ContextCost.Run(world, model, threadCount, pairCount);
                return 0;
            },
            Report);
    }

    private static int Report(Exception exception)
    {
        // A rank that ends because of another one lets that one speak before the job is aborted.
        if (exception is PeerFailedException)
            Thread.Sleep(GraceMilliseconds);
        else
            Console.Error.WriteLine($"context-cost: {exception.Message.ReplaceLineEndings(" ")}");
        return 1;
    }
}
