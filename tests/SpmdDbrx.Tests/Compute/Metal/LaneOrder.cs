namespace SpmdDbrx.Tests.Compute.Metal;

/// <summary>The order in which the emulator runs lanes that are ready (native/emu/emulator.h): the option "laneOrder".</summary>
public enum LaneOrder
{
    /// <summary>Ascending.</summary>
    Forward,

    /// <summary>Descending.</summary>
    Reverse,

    /// <summary>Another order in every threadgroup, the same in every run.</summary>
    Shuffled,
}
