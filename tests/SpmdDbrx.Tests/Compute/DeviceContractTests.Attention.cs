using SpmdDbrx.Compute;
using Xunit;

namespace SpmdDbrx.Tests.Compute;

public abstract partial class DeviceContractTests
{
    public static TheoryData<int, int, int> AttentionShapes => new()
    {
        { 4, 2, 32 }, { 6, 2, 128 }, { 5, 5, 6 }, { 3, 1, 50 }, { 2, 1, 256 }, { 48, 8, 128 }, { 12, 1, 16 },
    };

    [SkippableTheory, MemberData(nameof(AttentionShapes))]
    public void Attend_SeveralBatches_MatchesReference(int heads, int kvHeads, int headDim)
    {
        using DeviceFixture fixture = new(CreateDevice());
        AttentionShape shape = new(heads, kvHeads, headDim, Clip: 1.5f);
        using AttentionCase attention = new(fixture, shape, capacity: 131);
        foreach (int tokens in heads > 8 ? new[] { 1, 5, 1 } : [3, 1, 41, 1, 9, 1, 70, 4])
            attention.Check(tokens, Tolerance);
    }

    [SkippableTheory, InlineData(4, 2, 32), InlineData(6, 1, 16), InlineData(8, 1, 32), InlineData(8, 8, 4)]
    public void Attend_LongContext_MatchesReference(int heads, int kvHeads, int headDim)
    {
        using DeviceFixture fixture = new(CreateDevice());
        using AttentionCase attention = new(fixture, new AttentionShape(heads, kvHeads, headDim, Clip: null), capacity: 1200);
        foreach (int tokens in new[] { 185, 40, 796, 1, 1, 1, 2, 4, 1 })
            attention.Check(tokens, Tolerance);
    }

    [SkippableFact]
    public void Attend_ScoresFarApart_MatchesReference()
    {
        using DeviceFixture fixture = new(CreateDevice());
        // Heads of two elements: scores of some hundreds that float32 still adds up exactly enough.
        using AttentionCase attention = new(fixture, new AttentionShape(4, 2, 2, Clip: null), capacity: 600, scale: 8);
        foreach (int tokens in new[] { 300, 200, 1, 2, 1 })
            attention.Check(tokens, Tolerance);
    }
}
