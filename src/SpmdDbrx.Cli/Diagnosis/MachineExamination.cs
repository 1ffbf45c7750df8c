using System.Runtime.InteropServices;
using SpmdDbrx.Compute;
using SpmdDbrx.Compute.Metal;
using SpmdDbrx.Engine.Session;
using SpmdDbrx.Model;
using SpmdDbrx.Model.Inspection;
using SpmdDbrx.Mpi;

namespace SpmdDbrx.Cli.Diagnosis;

/// <summary>Looks at one rank's machine: system, processor, memory, GPU, MPI, and whether the rank's share of a model fits.</summary>
internal sealed class MachineExamination
{
    private readonly List<string> findings = [];
    private readonly List<string> faults = [];
    private readonly DiagnosisOptions options;
    private readonly int ranks;
    private readonly int ranksOfHost;
    private long memoryBytes;
    private long gpuHostBytes;

    private MachineExamination(Intracommunicator world, DiagnosisOptions options)
    {
        this.options = options;
        ranks = options.Ranks ?? world.Size;
        using Intracommunicator host = world.SplitByHost();
        ranksOfHost = options.Ranks is null ? host.Size : 1;
    }

    /// <summary>Examines the machine of this rank; a collective call.</summary>
    public static RankDiagnosis Run(Intracommunicator world, DiagnosisOptions options)
    {
        MachineExamination examination = new(world, options);
        examination.ExamineHost();
        examination.ExamineMetal();
        examination.ExamineMpi(world);
        examination.ExamineModel();
        return new RankDiagnosis($"rank {world.Rank} on {System.Environment.MachineName}", examination.findings, examination.faults);
    }

    private void ExamineHost()
    {
        memoryBytes = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        Find("system", $"{RuntimeInformation.OSDescription}, {RuntimeInformation.FrameworkDescription}");
        Find("processor", $"{HostFacts.Processor()}, {System.Environment.ProcessorCount} cores, {CpuDevice.WidestVectorBits}-bit vectors");
        Find("memory", $"{InventoryText.Size(memoryBytes)} for {ranksOfHost} rank{(ranksOfHost == 1 ? "" : "s")} of this host");
    }

    private void ExamineMetal()
    {
        if (!options.NeedsMetal && !MetalDevice.IsAvailable)
        {
            Find("metal", "none");
            return;
        }
        try
        {
            using MetalDevice device = new();
            string limit = HostFacts.SystemControl("iogpu.wired_limit_mb") is { } mebibytes ? $", iogpu.wired_limit_mb={mebibytes}" : "";
            Find("metal", $"{device.Description}{(device.IsEmulated ? " (the emulator)" : "")}, working set {InventoryText.Size(device.WorkingSetBytes)}, "
                + $"longest buffer {InventoryText.Size(device.MaxBufferBytes)}{limit}, {(device.KeepsWeightsWired ? "" : "no ")}residency sets");
            if (options.NeedsMetal)
                (memoryBytes, gpuHostBytes) = (device.WorkingSetBytes, device.HostMemoryBytes);
        }
        catch (MetalException exception)
        {
            Find("metal", "does not work");
            faults.Add(exception.Message);
        }
    }

    private void ExamineMpi(Intracommunicator world)
    {
        try
        {
            Find("MPI", $"{SpmdDbrx.Mpi.Environment.FindLibrary()}, {(MpiLaunch.Current is null ? "not under mpiexec" : $"{world.Size} ranks")}");
        }
        catch (MpiException exception)
        {
            Find("MPI", "none");
            faults.Add(exception.Message);
        }
    }

    private void ExamineModel()
    {
        if (options.ModelPath is not { } path)
            return;
        try
        {
            Inventory inventory = Inventory.Of(ModelDirectory.Open(path));
            int present = inventory.Files.Count - inventory.MissingFiles.Count;
            Find("model", $"{path}: {inventory.Kind}, {InventoryText.Size(inventory.Bytes.Total)}, {present} of {inventory.Files.Count} weight files here");
            CheckFit(inventory);
        }
        catch (Exception exception) when (exception is InvalidModelException or IOException or UnauthorizedAccessException)
        {
            Find("model", $"{path}: cannot be opened");
            faults.Add(exception.Message);
        }
    }

    private void CheckFit(Inventory inventory)
    {
        ModelConfig config = inventory.Config;
        int context = Math.Min(config.ContextLength, EngineOptions.DefaultContextLength);
        long bufferBytes = RankBuffers.BytesOf(config, context, new EngineOptions());
        long roomBytes = memoryBytes / ranksOfHost;
        long needed = Needed(ranks);
        Find("fit", $"{ranks} rank{(ranks == 1 ? "" : "s")}: {InventoryText.Size(needed)} a rank with a context of {context} tokens, room for {InventoryText.Size(roomBytes)}");
        if (needed <= roomBytes)
            return;
        int enough = Enumerable.Range(1, config.ExpertCount).FirstOrDefault(count => Needed(count) <= roomBytes);
        string more = enough > 0 ? $"start at least {enough} ranks, one a machine" : $"no number of ranks is enough: even {config.ExpertCount} need {InventoryText.Size(Needed(config.ExpertCount))} each";
        string limit = options.NeedsMetal ? MetalDevice.WiredLimitRemedy(needed * ranksOfHost, gpuHostBytes) : "";
        faults.Add($"{inventory.Path}: {InventoryText.Size(needed)} a rank do not fit in {InventoryText.Size(roomBytes)}; {more}{limit}");

        long Needed(int count) => RankMemory.Of(inventory.Bytes, config.ExpertCount, count).Bytes + bufferBytes;
    }

    private void Find(string what, string found) => findings.Add($"{what,-10} {found}");
}
