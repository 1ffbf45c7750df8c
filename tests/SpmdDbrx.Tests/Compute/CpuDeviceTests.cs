using SpmdDbrx.Compute;
using Xunit;

namespace SpmdDbrx.Tests.Compute;

/// <summary>Every operation of the CPU device against <see cref="Reference"/>, for all register widths, element types and odd sizes.</summary>
public class CpuDeviceTests
{
    private const double Tolerance = 2e-5;

    public static TheoryData<int, int, ElementType> Variants
    {
        get
        {
            var data = new TheoryData<int, int, ElementType>();
            foreach (int vectorBits in new[] { 128, 256, 512 })
            {
                foreach (ElementType type in Enum.GetValues<ElementType>())
                    data.Add(vectorBits, 1 + (data.Count % 3), type);
            }
            return data;
        }
    }

    [Theory, MemberData(nameof(Variants))]
    public void Multiply_EveryColumnCount_MatchesReference(int vectorBits, int threads, ElementType type)
    {
        for (int columns = 0; columns <= 256; columns++)
        {
            using var fixture = new DeviceFixture(new CpuDevice(threads, vectorBits), columns);
            int tokens = 1 + (columns % 5);
            CheckMultiply(fixture, tokens, 1 + (columns % 9), columns, type);
        }
    }

    [Theory, MemberData(nameof(Variants))]
    public void Multiply_OddShapes_MatchesReference(int vectorBits, int threads, ElementType type)
    {
        using var fixture = new DeviceFixture(new CpuDevice(threads, vectorBits));
        foreach ((int tokens, int rows, int columns) in new[] { (1, 2111, 131), (3, 640, 515), (7, 101, 300), (33, 97, 259), (70, 333, 640) })
            CheckMultiply(fixture, tokens, rows, columns, type);
    }

    [Theory, MemberData(nameof(Variants))]
    public void LayerNorm_EveryColumnCount_MatchesReference(int vectorBits, int threads, ElementType type)
    {
        using var fixture = new DeviceFixture(new CpuDevice(threads, vectorBits));
        for (int columns = 1; columns <= 256; columns++)
        {
            Activations input = fixture.Activations(3, columns);
            WeightMatrix weight = fixture.Weights(1, columns, type);
            double[,] expected = Reference.LayerNorm(DeviceFixture.Read(input), DeviceFixture.Read(weight), 1e-5);
            fixture.Device.LayerNorm(input, weight, 1e-5f, input);
            DeviceFixture.AssertClose(expected, input, Tolerance);
        }
    }

    [Theory, MemberData(nameof(Variants))]
    public void Embed_EveryColumnCount_IsExact(int vectorBits, int threads, ElementType type)
    {
        using var fixture = new DeviceFixture(new CpuDevice(threads, vectorBits));
        for (int columns = 0; columns <= 256; columns++)
        {
            WeightMatrix table = fixture.Weights(5, columns, type);
            Activations output = fixture.Activations(3, columns);
            fixture.Device.Embed(table, [4, 0, 4], output);
            double[,] stored = DeviceFixture.Read(table);
            for (int column = 0; column < columns; column++)
            {
                Assert.Equal(stored[4, column], output.Row(0)[column]);
                Assert.Equal(stored[0, column], output.Row(1)[column]);
                Assert.Equal(stored[4, column], output.Row(2)[column]);
            }
        }
    }

    [Theory, MemberData(nameof(Variants))]
    public void RunExperts_AnyTokensAndLayout_MatchesReference(int vectorBits, int threads, ElementType type)
    {
        using var fixture = new DeviceFixture(new CpuDevice(threads, vectorBits));
        foreach ((int tokens, int neurons, int columns) in new[] { (1, 192, 128), (1, 37, 250), (3, 33, 77), (9, 100, 65), (40, 70, 200) })
        {
            CheckExperts(fixture, tokens, neurons, columns, type, neuronMajor: true);
            CheckExperts(fixture, tokens, neurons, columns, type, neuronMajor: false);
        }
    }

    private static void CheckMultiply(DeviceFixture fixture, int tokens, int rows, int columns, ElementType type)
    {
        Activations input = fixture.Activations(tokens, columns);
        WeightMatrix weight = fixture.Weights(rows, columns, type);
        Activations output = fixture.Activations(tokens, rows);
        fixture.Device.Multiply(input, weight, output);
        DeviceFixture.AssertClose(Reference.Multiply(DeviceFixture.Read(input), DeviceFixture.Read(weight)), output, Tolerance);
    }

    private static void CheckExperts(DeviceFixture fixture, int tokens, int neurons, int columns, ElementType type, bool neuronMajor)
    {
        const int ExpertCount = 4;
        ExpertWeights[] experts = [.. Enumerable.Range(0, ExpertCount).Select(_ => fixture.Expert(neurons, columns, type, neuronMajor))];
        Activations input = fixture.Activations(tokens, columns);
        Activations output = fixture.Activations(tokens, columns);
        ExpertAssignments assignments = Assign(tokens, ExpertCount);
        var expected = new double[tokens, columns];
        for (int group = 0; group < assignments.ExpertCount; group++)
        {
            ExpertWeights expert = experts[assignments.Expert(group)];
            (double[,] w1, double[,] v1, double[,] w2) = (DeviceFixture.Read(expert.W1), DeviceFixture.Read(expert.V1), DeviceFixture.Read(expert.W2));
            for (int index = assignments.Start(group); index < assignments.Start(group + 1); index++)
            {
                double[] row = Reference.Expert(w1, v1, w2, DeviceFixture.Read(input), assignments.InputRows[index]);
                for (int column = 0; column < columns; column++)
                    expected[assignments.OutputRows[index], column] += assignments.Weights[index] * row[column];
            }
        }
        fixture.Device.RunExperts(experts, assignments, input, output);
        DeviceFixture.AssertClose(expected, output, Tolerance);
    }

    /// <summary>Expert 2 gets every token, expert 0 every third one, expert 3 the last one twice; expert 1 none.</summary>
    private static ExpertAssignments Assign(int tokens, int expertCount)
    {
        var assignments = new ExpertAssignments(expertCount, (2 * tokens) + 2);
        assignments.Clear();
        assignments.BeginExpert(2);
        for (int token = 0; token < tokens; token++)
            assignments.Add(token, token, 0.25f + (0.01f * token));
        assignments.BeginExpert(0);
        for (int token = 0; token < tokens; token += 3)
            assignments.Add(token, tokens - 1 - token, 0.5f);
        assignments.BeginExpert(3);
        assignments.Add(tokens - 1, 0, 1f);
        assignments.Add(tokens - 1, 0, -0.5f);
        return assignments;
    }
}
