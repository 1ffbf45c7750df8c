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

    /// <summary>This rank's processor, with its share of the host's cores.</summary>
    public IDevice Create(Intracommunicator world)
    {
        using Intracommunicator host = world.SplitByHost();
        int threads = Threads > 0 ? Threads : Math.Max(1, System.Environment.ProcessorCount / host.Size);
        return Name == "metal" ? new MetalDevice() : new CpuDevice(threads, sharesCores: threads * host.Size > System.Environment.ProcessorCount);
    }
}
