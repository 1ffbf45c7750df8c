using SpmdDbrx.Compute;
using SpmdDbrx.Compute.Metal;

namespace SpmdDbrx.Engine.Probe;

/// <summary>One line of the benchmark: a device, and how the weights lie in its memory.</summary>
/// <param name="Name">Name in the table.</param>
/// <param name="Prestacked">One array for all matrices instead of one array a matrix.</param>
/// <param name="CreateDevice">Opens the device.</param>
/// <param name="Time">The device's clock.</param>
/// <param name="Sleep">Leaves the device idle.</param>
public sealed record ProbeSubject(
    string Name, bool Prestacked, Func<IDevice> CreateDevice, Func<IDevice, TimeProvider> Time, Action<IDevice, TimeSpan> Sleep)
{
    /// <summary>Unstacked and prestacked on the CPU: nothing is wired or unwired there, so both stay flat.</summary>
    public static IReadOnlyList<ProbeSubject> Cpu(Func<IDevice> createDevice) =>
    [
        new("unstacked", false, createDevice, _ => TimeProvider.System, (_, wait) => Thread.Sleep(wait)),
        new("prestacked", true, createDevice, _ => TimeProvider.System, (_, wait) => Thread.Sleep(wait)),
    ];

    /// <summary>Unstacked, prestacked, and unstacked in residency sets, on the Apple GPU or its emulator.</summary>
    public static IReadOnlyList<ProbeSubject> Metal() =>
    [
        OnMetal("unstacked", prestacked: false, residencySets: false),
        OnMetal("prestacked", prestacked: true, residencySets: false),
        OnMetal("unstacked, residency sets", prestacked: false, residencySets: true),
    ];

    private static ProbeSubject OnMetal(string name, bool prestacked, bool residencySets) => new(
        name, prestacked,
        () => new MetalDevice(new MetalOptions { UseResidencySets = residencySets }),
        device => ((MetalDevice)device).Time,
        (device, wait) => ((MetalDevice)device).Sleep(wait));
}
