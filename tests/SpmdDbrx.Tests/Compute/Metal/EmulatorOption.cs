using SpmdDbrx.Compute.Metal;
using Xunit;

namespace SpmdDbrx.Tests.Compute.Metal;

/// <summary>Sets a control of the emulated device until it is disposed; skips the test on a real GPU.</summary>
internal sealed class EmulatorOption : IDisposable
{
    private readonly string name;
    private readonly long former;

    public EmulatorOption(string name, long value)
    {
        this.name = name;
        former = Set(name, value);
    }

    /// <summary>Sets it for good and returns its former value.</summary>
    public static long Set(string name, long value)
    {
        MetalCollection.Require();
        EmulatorClock? emulator = EmulatorClock.TryOpen();
        Skip.If(emulator is null, "only the emulator can be told to behave differently");
        return emulator!.Set(name, value);
    }

    public void Dispose() => Set(name, former);
}
