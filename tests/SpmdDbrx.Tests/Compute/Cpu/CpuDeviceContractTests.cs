using SpmdDbrx.Compute;

namespace SpmdDbrx.Tests.Compute.Cpu;

/// <summary>The device contract on 128-bit registers, one thread.</summary>
public sealed class Cpu128ContractTests : DeviceContractTests
{
    protected override IDevice CreateDevice() => new CpuDevice(new CpuDeviceOptions(1), vectorBits: 128);
}

/// <summary>The device contract on 256-bit registers, two threads.</summary>
public sealed class Cpu256ContractTests : DeviceContractTests
{
    protected override IDevice CreateDevice() => new CpuDevice(new CpuDeviceOptions(2), vectorBits: 256);
}

/// <summary>The device contract on 512-bit registers, three threads.</summary>
public sealed class Cpu512ContractTests : DeviceContractTests
{
    protected override IDevice CreateDevice() => new CpuDevice(new CpuDeviceOptions(3), vectorBits: 512);
}
