using SpmdDbrx.Compute;
using SpmdDbrx.Compute.Metal;
using Xunit;

namespace SpmdDbrx.Tests.Compute.Metal;

/// <summary>The contract, archetype shapes and DBRX's widths included, with the emulator's lanes in another order: no result may depend on it.</summary>
public abstract class MetalLaneOrderContractTests(LaneOrder order) : DeviceContractTests, IDisposable
{
    private EmulatorOption? option;

    protected override IDevice CreateDevice()
    {
        option ??= new EmulatorOption("laneOrder", (long)order);
        return new MetalDevice();
    }

    public void Dispose()
    {
        option?.Dispose();
        GC.SuppressFinalize(this);
    }
}

/// <summary>The last lane first.</summary>
[Collection(MetalCollection.Name)]
public sealed class MetalReverseLanesContractTests() : MetalLaneOrderContractTests(LaneOrder.Reverse);

/// <summary>Every threadgroup in an order of its own.</summary>
[Collection(MetalCollection.Name)]
public sealed class MetalShuffledLanesContractTests() : MetalLaneOrderContractTests(LaneOrder.Shuffled);
