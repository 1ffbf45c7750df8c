using System.CommandLine;
using SpmdDbrx.Compute;
using SpmdDbrx.Compute.Metal;
using SpmdDbrx.Mpi;

namespace SpmdDbrx.Cli;

/// <summary>The processor of a rank.</summary>
/// <param name="Name">"cpu" or "metal".</param>
/// <param name="Threads">Threads of this rank; 0 = the cores this rank can have.</param>
internal sealed record DeviceOptions(string Name, int Threads)
{
    /// <summary>Adds the options to a command and returns how to read them.</summary>
    public static Func<ParseResult, DeviceOptions> AddTo(Command command, Settings settings)
    {
        Option<string> device = settings.Option("--device", "cpu", "processor that computes: cpu or metal", "NAME");
        device.RequireOneOf("cpu", "metal");
        Option<int> threads = settings.Option("--threads", 0, "threads of each rank; 0 = the cores of the host divided by its ranks", "T");
        threads.RequireAtLeast(0);
        command.Options.Add(device);
        command.Options.Add(threads);
        return parsed => new DeviceOptions(parsed.GetRequiredValue(device), parsed.GetValue(threads));
    }

    /// <summary>Threads of this rank: as asked for, or its share of the host's cores.</summary>
    public int ThreadsOf(Intracommunicator world)
    {
        using Intracommunicator host = world.SplitByHost();
        return Threads > 0 ? Threads : Math.Max(1, System.Environment.ProcessorCount / host.Size);
    }

    /// <summary>This rank's processor.</summary>
    public IDevice Create(Intracommunicator world)
    {
        int threads = ThreadsOf(world);
        using Intracommunicator host = world.SplitByHost();
        return Name == "metal" ? new MetalDevice() : new CpuDevice(threads, sharesCores: threads * host.Size > System.Environment.ProcessorCount);
    }
}
