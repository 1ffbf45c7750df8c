using SpmdDbrx.Compute.Metal;
using Xunit;

namespace SpmdDbrx.Tests.Compute.Metal;

/// <summary>Tests of the Metal device run one after the other: the emulator's clock and options belong to the process.</summary>
[CollectionDefinition(Name)]
public sealed class MetalCollection
{
    public const string Name = "Metal";

    /// <summary>Skips, visibly, where there is neither an Apple GPU nor the emulator.</summary>
    internal static void Require() =>
        Skip.IfNot(MetalDevice.IsAvailable, "no Metal device: build the emulator with `make -C native/metal` (clang-19, libclang-rt-19-dev)");

    /// <summary>A device, or a visible skip.</summary>
    internal static MetalDevice Open(MetalOptions? options = null)
    {
        Require();
        return new MetalDevice(options);
    }

    /// <summary>Skips on a real GPU too: its clock cannot be told to run ahead.</summary>
    internal static void RequireEmulator()
    {
        Require();
        Skip.If(EmulatorClock.TryOpen() is null, "counts what the emulated driver does, on its virtual clock");
    }
}
