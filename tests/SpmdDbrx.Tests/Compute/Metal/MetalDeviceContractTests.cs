using SpmdDbrx.Compute;
using SpmdDbrx.Compute.Metal;
using Xunit;

namespace SpmdDbrx.Tests.Compute.Metal;

/// <summary>The contract on the Apple GPU, or on the emulator of it.</summary>
[Collection(MetalCollection.Name)]
public sealed class MetalDeviceContractTests : DeviceContractTests
{
    protected override IDevice CreateDevice()
    {
        MetalCollection.Require();
        return new MetalDevice();
    }
}
