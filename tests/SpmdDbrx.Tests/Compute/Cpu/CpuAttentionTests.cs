using SpmdDbrx.Compute;
using SpmdDbrx.Compute.Cpu;
using Xunit;

namespace SpmdDbrx.Tests.Compute.Cpu;

/// <summary>Attention's blocks, panels and scratch memory, for all register widths, against <see cref="Reference"/>.</summary>
public class CpuAttentionTests
{
    private const double Tolerance = 2e-5;

    [Theory]
    [InlineData(128)]
    [InlineData(256)]
    [InlineData(512)]
    public void Attend_EveryHeadDim_MatchesReference(int vectorBits)
    {
        for (int headDim = 2; headDim <= 256; headDim += 2)
        {
            // The cache ends with the last token, so that the last panel of keys is an incomplete one.
            AttentionShape shape = new(HeadCount: 1 + (headDim % 7), KvHeadCount: 1, headDim, Clip: null);
            using DeviceFixture fixture = new(new CpuDevice(new CpuDeviceOptions(1), vectorBits), headDim);
            using AttentionCase attention = new(fixture, shape, capacity: 30);
            foreach (int tokens in new[] { 9, 1, 18, 2 })
                attention.Check(tokens, Tolerance);
        }
    }

    [Fact]
    public void Attend_BlocksAsLongAsTheyGet_MatchesReference()
    {
        // One block of 1,920 positions, its last ones still masked and then full, and one behind it.
        using DeviceFixture fixture = new(new CpuDevice(2));
        using AttentionCase attention = new(fixture, new AttentionShape(HeadCount: 16, KvHeadCount: 16, HeadDim: 2, Clip: null), capacity: 2100);
        attention.Append(1917);
        foreach (int tokens in new[] { 1, 3, 1 })
            attention.Check(tokens, Tolerance);
    }

    [Theory]
    [InlineData(128, 12, 2)]
    [InlineData(256, 12, 2)]
    [InlineData(256, 8, 8)]
    [InlineData(512, 8, 8)]
    public void Attend_SeveralBlocksOfValues_MatchesReference(int vectorBits, int heads, int kvHeads)
    {
        // Panels of columns, the last one incomplete, in three blocks, the last one cut short: single tokens, a few and a prompt's part, across both seams.
        using DeviceFixture fixture = new(new CpuDevice(new CpuDeviceOptions(2), vectorBits));
        using AttentionCase attention = new(fixture, new AttentionShape(heads, kvHeads, HeadDim: 36, Clip: null), capacity: 4101);
        foreach ((int stored, int tokens) in new[] { (1500, 1), (410, 20), (0, 1), (1904, 3), (0, 9), (200, 3), (0, 1) })
        {
            attention.Append(stored);
            attention.Check(tokens, Tolerance);
        }
    }

    /// <summary>Scratch memory holds what ran before; what a block or a head does not fill must not be read.</summary>
    [Theory]
    [InlineData(128)]
    [InlineData(256)]
    [InlineData(512)]
    public void Attend_ScratchFullOfNaN_MatchesReference(int vectorBits)
    {
        foreach (int group in new[] { 1, 4, 5 })
        {
            AttentionShape shape = new(HeadCount: 2 * group, KvHeadCount: 2, HeadDim: 36, Clip: null);
            using DeviceFixture fixture = new(new CpuDevice(new CpuDeviceOptions(1), vectorBits), group);
            using AttentionCase poison = new(fixture, shape, capacity: 500, scale: float.NaN);
            poison.Append(400);
            foreach (int tokens in new[] { 3, 1, 20 })
                Assert.Contains(poison.Run(tokens).Values.ToArray(), float.IsNaN);
            using AttentionCase attention = new(fixture, shape, capacity: 300);
            attention.Append(238);
            // For the first token of three the second block of 240 positions has none.
            foreach (int tokens in new[] { 3, 1, 9, 20 })
                attention.Check(tokens, Tolerance);
        }
    }

    [Fact]
    public void AttentionItems_AnyPositions_FitTheirMemory()
    {
        foreach (int kvHeads in new[] { 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 24, 31, 32, 33, 64 })
        {
            AttentionShape shape = new(kvHeads, kvHeads, HeadDim: 2, Clip: null);
            for (int positions = 1; positions <= 20_000; positions++)
            {
                int items = AttentionBlocks<FloatVector256>.ItemCount(shape, tokens: 3, positions);
                Assert.InRange(items, 3 * kvHeads, AttentionBlocks<FloatVector256>.MostItems(shape, tokens: 3, capacity: positions));
            }
        }
    }

    [Fact]
    public void Attend_NoTokens_DoesNotFail()
    {
        using DeviceFixture fixture = new(new CpuDevice(1));
        using AttentionCase attention = new(fixture, new AttentionShape(HeadCount: 2, KvHeadCount: 1, HeadDim: 4, Clip: null), capacity: 4);
        foreach (int tokens in new[] { 0, 2, 0 })
            attention.Check(tokens, Tolerance);
    }
}
