using SpmdDbrx.Engine.Performance.Inputs;

namespace SpmdDbrx.Engine.Performance.Simulation;

/// <summary>The driver of one rank's processor: arrays that lie idle past a deadline are unwired and cost again when used ([P1] Figure 4).</summary>
internal sealed class WiredMemory
{
    private readonly double deadlineSeconds;
    private readonly double secondsPerArray;
    private readonly bool isPrestacked;
    private readonly int held;
    private readonly double[] lastUse; // [held] prestacked, [layers · held] unstacked

    private WiredMemory(Software software, ModelShape model, Stacking stacking, int held, double expertBytes)
    {
        deadlineSeconds = software.UnwireAfterSeconds!.Value.Value;
        isPrestacked = stacking == Stacking.Prestacked;
        this.held = held;
        int arrays = isPrestacked ? held : model.LayerCount * held;
        lastUse = new double[arrays]; // wired at the start, as standby leaves them
        secondsPerArray = expertBytes * (isPrestacked ? model.LayerCount : 1) / software.RewireBytesPerSecond!.Value.Value;
    }

    /// <summary>Arrays wired again so far.</summary>
    public long Rewirings { get; private set; }

    /// <summary>A driver with such a deadline, or null where memory stays wired.</summary>
    public static WiredMemory? Create(Software software, ModelShape model, Stacking stacking, int held, double expertBytes) =>
        software.UnwireAfterSeconds is null ? null : new WiredMemory(software, model, stacking, held, expertBytes);

    /// <summary>Uses one expert of a layer; returns the seconds it takes to wire it again.</summary>
    public double Use(int layer, int expert, double now)
    {
        ref double last = ref lastUse[isPrestacked ? expert : (layer * held) + expert];
        bool wasIdle = now - last > deadlineSeconds;
        last = now;
        if (!wasIdle)
            return 0;
        Rewirings++;
        return secondsPerArray;
    }
}
