using SpmdDbrx.Compute.Metal;
using Xunit;

namespace SpmdDbrx.Tests.Compute.Metal;

/// <summary>A recording of <see cref="EveryKernel"/>, made once for all tests that replay it.</summary>
public sealed class CapturedWork : IDisposable
{
    private readonly string path = Path.Combine(Path.GetTempPath(), $"spmd-metal-{Environment.ProcessId}.capture");

    public CapturedWork()
    {
        if (!MetalDevice.IsAvailable)
            return;
        MetalDevice device = new(new MetalOptions { TwoPassKeys = 40, UploadBytes = 512 });
        if (device.EmulatedTime is not { } emulator)
            return;
        emulator.Capture(path);
        EveryKernel.Run(device);
        emulator.Capture(null);
    }

    /// <summary>The file; skips where there is no emulator.</summary>
    public string RequirePath()
    {
        Skip.IfNot(File.Exists(path), "no emulator to record: run `make -C native/metal`");
        return path;
    }

    public void Dispose() => File.Delete(path);
}
