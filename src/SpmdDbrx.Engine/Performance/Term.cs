namespace SpmdDbrx.Engine.Performance;

/// <summary>The columns of [P1]'s Table 4.</summary>
public enum TermGroup
{
    /// <summary>Running experts.</summary>
    Moe,

    /// <summary>Communication and waiting for other ranks.</summary>
    Communication,

    /// <summary>Attention, LM head, everything else.</summary>
    Misc,
}

/// <summary>One part of a predicted time.</summary>
/// <param name="Name">What it is.</param>
/// <param name="Group">Where it is counted.</param>
/// <param name="Seconds">Per generated token.</param>
/// <param name="Formula">How it comes about, with its numbers.</param>
public sealed record Term(string Name, TermGroup Group, double Seconds, string Formula);
