using SpmdDbrx.Compute;
using Xunit;

namespace SpmdDbrx.Tests.Compute;

/// <summary>What every device must compute, against <see cref="Reference"/>; derive a class for each device.</summary>
/// <remarks>Router and experts, and attention, stand in files of their own.</remarks>
public abstract partial class DeviceContractTests
{
    private const double Tolerance = 2e-5;

    /// <summary>A device of its own for one test.</summary>
    protected abstract IDevice CreateDevice();

    public static TheoryData<ElementType> Types => [.. Enum.GetValues<ElementType>()];

    [SkippableTheory, MemberData(nameof(Types))]
    public void Embed_OddAndEvenColumns_IsExact(ElementType type)
    {
        using DeviceFixture fixture = new(CreateDevice());
        foreach (int columns in new[] { 1, 3, 64, 255, 256, 257, 6144 })
        {
            WeightMatrix table = fixture.Weights(5, columns, type);
            Activations output = fixture.Activations(3, columns);
            fixture.Device.Embed(table, [4, 0, 4], output);
            fixture.Device.Complete();
            double[,] stored = DeviceFixture.Read(table);
            for (int column = 0; column < columns; column++)
            {
                Assert.Equal(stored[4, column], output.Row(0)[column]);
                Assert.Equal(stored[0, column], output.Row(1)[column]);
                Assert.Equal(stored[4, column], output.Row(2)[column]);
            }
        }
    }

    [SkippableTheory, MemberData(nameof(Types))]
    public void LayerNorm_InPlaceAndNot_MatchesReference(ElementType type)
    {
        using DeviceFixture fixture = new(CreateDevice());
        foreach (int columns in new[] { 1, 2, 31, 33, 128, 1000, 1025, 6144 })
        {
            Activations input = fixture.Activations(3, columns);
            foreach (ref float value in input.Values)
                value = (value * 0.1f) + 5;  // a large mean: squares summed before it is subtracted would cancel
            WeightMatrix weight = fixture.Weights(1, columns, type);
            double[,] expected = Reference.LayerNorm(DeviceFixture.Read(input), DeviceFixture.Read(weight), 1e-5);
            Activations output = fixture.Activations(3, columns);
            fixture.Device.LayerNorm(input, weight, 1e-5f, output);
            fixture.Device.LayerNorm(input, weight, 1e-5f, input);
            fixture.Device.Complete();
            DeviceFixture.AssertClose(expected, output, 1e-4);
            DeviceFixture.AssertClose(expected, input, 1e-4);
        }
    }

    public static TheoryData<ElementType, int, int, int> Products
    {
        get
        {
            TheoryData<ElementType, int, int, int> data = [];
            foreach (ElementType type in Enum.GetValues<ElementType>())
            {
                foreach ((int tokens, int rows, int columns) in new[]
                {
                    (1, 1, 1), (1, 5, 3), (1, 37, 132), (1, 101, 515), (2, 66, 131), (3, 40, 200), (4, 33, 77), (4, 130, 128),
                    (1, 16, 6144), (3, 7, 1001), (1, 40, 6144),               // few outputs: split
                    (5, 64, 32), (7, 101, 300), (32, 64, 64), (33, 97, 259), (70, 130, 96),  // tiles with ragged edges
                })
                    data.Add(type, tokens, rows, columns);
            }
            return data;
        }
    }

    [SkippableTheory, MemberData(nameof(Products))]
    public void Multiply_AnyShape_MatchesReference(ElementType type, int tokens, int rows, int columns)
    {
        using DeviceFixture fixture = new(CreateDevice());
        Activations input = fixture.Activations(tokens, columns);
        WeightMatrix weight = fixture.Weights(rows, columns, type);
        Activations output = fixture.Activations(tokens, rows);
        fixture.Device.Multiply(input, weight, output);
        fixture.Device.Complete();
        DeviceFixture.AssertClose(Reference.Multiply(DeviceFixture.Read(input), DeviceFixture.Read(weight)), output, Tolerance);
    }

    [SkippableTheory]
    [InlineData(1, 37, 256, 2)]
    [InlineData(3, 130, 1152, 3)]
    [InlineData(2, 5, 6144, 3)]
    [InlineData(33, 101, 256, 2)]
    public void Multiply_StripsOfColumns_MatchesReference(int tokens, int rows, int columns, int strips)
    {
        foreach (ElementType type in Enum.GetValues<ElementType>())
        {
            using DeviceFixture fixture = new(CreateDevice());
            Activations input = fixture.Activations(tokens, columns), output = fixture.Activations(tokens, rows);
            WeightMatrix weight = fixture.Weights(rows, columns, type, 1, strips);
            fixture.Device.Multiply(input, weight, output);
            fixture.Device.Complete();
            DeviceFixture.AssertClose(Reference.Multiply(DeviceFixture.Read(input), DeviceFixture.Read(weight)), output, Tolerance);
        }
    }

    [SkippableFact]
    public void StripsOfColumns_ThatNoKernelCanRead_AreRefused()
    {
        using DeviceFixture fixture = new(CreateDevice());
        Activations narrow = fixture.Activations(1, 192), wide = fixture.Activations(1, 256), output = fixture.Activations(1, 4);
        WeightMatrix matrix = fixture.Weights(4, 256, ElementType.BFloat16, 1, strips: 2), halves = fixture.Weights(4, 192, ElementType.BFloat16, 1, strips: 2);
        ExpertWeights unequal = fixture.Expert(4, 256, ElementType.BFloat16) with { W2 = matrix };
        ExpertAssignments assignments = new(1, 1);
        assignments.Clear();
        assignments.BeginExpert(0);
        assignments.Add(0, 0, 1);

        Refused("multiple of 128 columns", () => fixture.Device.Multiply(narrow, halves, output));
        Refused("at least 1024 bytes apart, found 0", () => fixture.Device.Multiply(wide, matrix with { StripStrideBytes = 0 }, output));
        Refused("leaves its buffer", () => fixture.Device.Multiply(wide, matrix with { StripStrideBytes = 1026 }, output));
        Refused("whole rows", () => fixture.Device.Embed(matrix, [0], wide));
        Refused("whole rows", () => fixture.Device.LayerNorm(wide, matrix with { Rows = 1 }, 1e-5f, wide));
        Refused("strips", () => fixture.Device.RunExperts([unequal], assignments, wide, fixture.Activations(1, 256)));
    }

    private static void Refused(string fragment, Action action) =>
        Assert.Contains(fragment, Assert.Throws<ArgumentException>(action).Message, StringComparison.Ordinal);

    /// <summary>Rows farther apart than they are long, as a part of a wider matrix has them.</summary>
    [SkippableTheory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(33)]
    public void Multiply_SomeOfTheColumns_MatchesReference(int tokens)
    {
        using DeviceFixture fixture = new(CreateDevice());
        WeightMatrix matrix = fixture.Weights(37, 100, ElementType.BFloat16) with { ByteOffset = 8, Columns = 90 };
        Activations input = fixture.Activations(tokens, 90), output = fixture.Activations(tokens, 37);
        fixture.Device.Multiply(input, matrix, output);
        fixture.Device.Complete();
        DeviceFixture.AssertClose(Reference.Multiply(DeviceFixture.Read(input), DeviceFixture.Read(matrix)), output, Tolerance);
    }

    [SkippableFact]
    public void Multiply_SlicesOfOneBuffer_MatchesReference()
    {
        using DeviceFixture fixture = new(CreateDevice());
        Activations block = fixture.Activations(7, 37);
        WeightMatrix weight = fixture.Weights(11, 37, ElementType.BFloat16);
        Activations output = fixture.Activations(5, 11);
        double[,] expected = Reference.Multiply(DeviceFixture.Read(block.Slice(3, 2)), DeviceFixture.Read(weight));
        fixture.Device.Multiply(block.Slice(3, 2), weight, output.Slice(1, 2));
        fixture.Device.Complete();
        DeviceFixture.AssertClose(expected, output.Slice(1, 2), Tolerance);
    }

    [SkippableFact]
    public void AddAndSumGroups_OddColumns_AreExact()
    {
        using DeviceFixture fixture = new(CreateDevice());
        Activations target = fixture.Activations(3, 301), addend = fixture.Activations(3, 301);
        float[] expected = [.. target.Values.ToArray().Zip(addend.Values.ToArray(), (a, b) => a + b)];
        Activations groups = fixture.Activations(8, 301), sums = fixture.Activations(2, 301);
        fixture.Device.Add(target, addend);
        fixture.Device.SumGroups(groups, 4, sums);
        fixture.Device.Complete();
        Assert.Equal(expected, target.Values.ToArray());
        for (int token = 0; token < 2; token++)
        {
            for (int column = 0; column < 301; column++)
            {
                float sum = 0;
                for (int row = 0; row < 4; row++)
                    sum += groups.Row((token * 4) + row)[column];
                Assert.Equal(sum, sums.Row(token)[column]);
            }
        }
    }

    [SkippableFact]
    public void Operations_DependingOnEachOther_TakeEffectInOrder()
    {
        using DeviceFixture fixture = new(CreateDevice());
        Activations hidden = fixture.Activations(2, 64), normed = fixture.Activations(2, 64), product = fixture.Activations(2, 64);
        WeightMatrix norm = fixture.Weights(1, 64, ElementType.Float32), weight = fixture.Weights(64, 64, ElementType.Float32, 0.125f);
        double[,] expected = DeviceFixture.Read(hidden);
        for (int layer = 0; layer < 4; layer++)
        {
            fixture.Device.LayerNorm(hidden, norm, 1e-5f, normed);
            fixture.Device.Multiply(normed, weight, product);
            fixture.Device.Add(hidden, product);
            double[,] addend = Reference.Multiply(Reference.LayerNorm(expected, DeviceFixture.Read(norm), 1e-5), DeviceFixture.Read(weight));
            for (int row = 0; row < 2; row++)
            {
                for (int column = 0; column < 64; column++)
                    expected[row, column] += addend[row, column];
            }
        }
        fixture.Device.Complete();
        DeviceFixture.AssertClose(expected, hidden, 1e-4);
    }

    [SkippableFact]
    public void Touch_OneByteChanged_ReadsIt()
    {
        using DeviceFixture fixture = new(CreateDevice());
        DeviceBuffer buffer = fixture.Own(fixture.Device.Allocate(100_003));
        foreach (long position in new long[] { 0, 15, 50_000, 100_000, 100_002 })
        {
            buffer.Span<byte>(0, 100_003).Clear();
            Assert.Equal(0, fixture.Device.Touch(buffer));
            buffer.Span<byte>(position, 1)[0] = 1;
            Assert.True(fixture.Device.Touch(buffer) > 0, $"byte {position} was not read");
        }
    }

    [SkippableFact]
    public void Touch_PartOfABuffer_ReadsThatPartOnly()
    {
        using DeviceFixture fixture = new(CreateDevice());
        DeviceBuffer buffer = fixture.Own(fixture.Device.Allocate(100_003));
        const int Start = 32_768, Bytes = 50_001;
        foreach ((int position, bool isRead) in new[] { (0, false), (Start - 1, false), (Start, true), (Start + Bytes - 1, true), (Start + Bytes, false), (100_002, false) })
        {
            buffer.Span<byte>(0, 100_003).Clear();
            buffer.Span<byte>(position, 1)[0] = 1;
            Assert.Equal(isRead, fixture.Device.Touch(buffer, Start, Bytes) > 0);
        }
    }
}
