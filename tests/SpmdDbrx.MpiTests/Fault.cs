using SpmdDbrx.Mpi;

namespace SpmdDbrx.MpiTests;

/// <summary>Ways for the last rank to go wrong while the others wait for it in an all-reduce: <c>SpmdDbrx.MpiTests.dll abort</c>.
/// Nothing here returns unless the fault did not end the job.</summary>
internal static class Fault
{
    public const int ExitCode = 7;

    public static int Commit(string fault, Intracommunicator world)
    {
        float[] values = new float[6144];
        world.Allreduce(values.AsSpan(), Operation<float>.Add);
        if (world.Rank == world.Size - 1)
        {
            switch (fault)
            {
                case "abort": world.Abort(ExitCode); break;
                case "abort-from-a-thread": AbortFromAThread(world); break;
                case "exit": System.Environment.Exit(ExitCode); break;
                case "kill": Kill(); break;
                case "return": return ExitCode;
                case "throw": throw new InvalidDataException("expert-03.bin: broken on this rank only");
                default: throw new ArgumentException($"{fault}: not a fault");
            }
        }
        world.Allreduce(values.AsSpan(), Operation<float>.Add);
        Console.WriteLine($"rank {world.Rank} survived");
        return 0;
    }

    private static void AbortFromAThread(Intracommunicator world)
    {
        new Thread(() => world.Abort(ExitCode)).Start();
        Thread.Sleep(Timeout.Infinite);
    }

    // Not Process.Kill, which refuses to end its own process.
    private static void Kill() =>
        System.Diagnostics.Process.Start("kill", ["-KILL", $"{System.Environment.ProcessId}"]).WaitForExit();
}
