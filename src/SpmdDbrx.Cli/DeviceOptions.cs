using System.CommandLine;
using Serilog;
using SpmdDbrx.Compute;
using SpmdDbrx.Compute.Metal;
using SpmdDbrx.Engine.Session;
using SpmdDbrx.Mpi;

namespace SpmdDbrx.Cli;

/// <summary>The processor of a rank.</summary>
/// <param name="Name">"cpu" or "metal".</param>
/// <param name="Threads">Threads of this rank; 0 = the cores this rank can have.</param>
/// <param name="Prefill">What the CPU rounds batches of tokens to.</param>
/// <param name="GpuDeadline">Longest time the GPU may take for a layer of one batch.</param>
internal sealed record DeviceOptions(string Name, int Threads, PrefillPrecision Prefill, TimeSpan GpuDeadline)
{
    private const string Float32 = "float32";
    private const string BFloat16 = "bfloat16";

    /// <summary>Adds the options to a command and returns how to read them.</summary>
    public static Func<ParseResult, DeviceOptions> AddTo(Command command, Settings settings)
    {
        Option<string> device = settings.Option("--device", "cpu", "processor that computes: cpu or metal", "NAME");
        device.RequireOneOf("cpu", "metal");
        Option<int> threads = settings.Option("--threads", 0, "threads of each rank; 0 = the cores of the host divided by its ranks", "T");
        threads.RequireAtLeast(0);
        Option<string> prefill = settings.Option("--prefill", Float32, "cpu: what batches of tokens are rounded to before they meet bfloat16 weights; bfloat16 is faster on processors with its dot products (AVX512_BF16, Arm BF16) and moves logits by up to 0.03", "TYPE");
        prefill.RequireOneOf(Float32, BFloat16);
        Option<int> deadline = settings.Option("--gpu-deadline", (int)new MetalOptions().Deadline.TotalSeconds, "metal: seconds the GPU may take for a layer of one batch before it counts as hanging", "SECONDS");
        deadline.RequireAtLeast(1);
        command.Options.Add(device);
        command.Options.Add(threads);
        command.Options.Add(prefill);
        command.Options.Add(deadline);
        return parsed =>
        {
            DeviceOptions options = new(
                parsed.GetRequiredValue(device), parsed.GetValue(threads),
                parsed.GetRequiredValue(prefill) == BFloat16 ? PrefillPrecision.BFloat16 : PrefillPrecision.Float32,
                TimeSpan.FromSeconds(parsed.GetValue(deadline)));
            if (options is { Name: "metal", Prefill: PrefillPrecision.BFloat16 })
                throw new UsageException("--prefill bfloat16: expected --device cpu, found --device metal");
            return options;
        };
    }

    /// <summary>Threads of this rank: as asked for, or its share of the host's cores.</summary>
    public int ThreadsOf(Intracommunicator world)
    {
        using Intracommunicator host = world.SplitByHost();
        return Threads > 0 ? Threads : Math.Max(1, System.Environment.ProcessorCount / host.Size);
    }

    /// <summary>This rank's processor, of the same kind on all ranks; a collective call.</summary>
    /// <exception cref="RankDisagreementException">Ranks are to compute on different processors.</exception>
    public IDevice Create(Intracommunicator world)
    {
        // Replicas that round differently soon route differently; and what follows is collective on a CPU only.
        RankAgreement.RequireSame(world, ("--device", Name), ("--prefill", Prefill == PrefillPrecision.BFloat16 ? BFloat16 : Float32));
        if (Name == "metal")
            return new MetalDevice(new MetalOptions { Deadline = GpuDeadline });
        if (Prefill == PrefillPrecision.BFloat16 && !CpuDevice.HasBFloat16DotProducts)
            Log.Warning("--prefill bfloat16: no bfloat16 dot products here (processor, or native/cpu not built): prefill rounds alike, at the speed of float32");
        int threads = ThreadsOf(world);
        using Intracommunicator host = world.SplitByHost();
        bool sharesCores = threads * host.Size > System.Environment.ProcessorCount;
        return new CpuDevice(new CpuDeviceOptions(threads) { SharesCores = sharesCores, SharesMemory = host.Size > 1, Prefill = Prefill });
    }
}
