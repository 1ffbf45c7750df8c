using SpmdDbrx.Compute;
using SpmdDbrx.Compute.Metal;

namespace SpmdDbrx.Tests.Compute.Metal;

/// <summary>Small work that uses every kernel of the library in every form, for tools that run it again under sanitizers.</summary>
internal static class EveryKernel
{
    public static void Run(MetalDevice device)
    {
        using DeviceFixture fixture = new(device);
        foreach (ElementType type in Enum.GetValues<ElementType>())
        {
            // Odd columns use the narrow kernels, multiples of four the wide ones.
            foreach ((int columns, int strips) in new[] { (37, 1), (40, 1), (256, 2) })
            {
                Weights(fixture, device, type, columns, strips);
                Experts(fixture, type, columns, strips);
            }
        }
        foreach (int headDim in new[] { 6, 50, 128, 130 })
            Attention(fixture, headDim);
        Elementwise(fixture);
    }

    private static void Weights(DeviceFixture fixture, MetalDevice device, ElementType type, int columns, int strips)
    {
        WeightMatrix table = fixture.Weights(70, columns, type), few = fixture.Weights(2, columns, type);
        WeightMatrix tableOfStrips = fixture.Weights(70, columns, type, 1, strips), fewOfStrips = fixture.Weights(2, columns, type, 1, strips);
        foreach (int tokens in new[] { 1, 3, 33 })
        {
            Activations input = fixture.Activations(tokens, columns);
            device.Embed(table, [.. Enumerable.Range(0, tokens)], input);
            device.LayerNorm(input, few with { Rows = 1 }, 1e-5f, input);
            device.RmsNorm(input, few with { Rows = 1 }, 1e-5f, input);
            device.Multiply(input, tableOfStrips, fixture.Activations(tokens, table.Rows));
            device.Multiply(input, fewOfStrips, fixture.Activations(tokens, few.Rows));
            device.Complete();
        }
    }

    private static void Experts(DeviceFixture fixture, ElementType type, int columns, int strips)
    {
        ExpertWeights[] experts = [fixture.Expert(35, columns, type, strips), fixture.Expert(35, columns, type, strips)];
        Activations input = fixture.Activations(9, columns), output = fixture.Activations(9, columns);
        ExpertAssignments assignments = new(2, 10);
        assignments.Clear();
        assignments.BeginExpert(1);
        for (int token = 0; token < 9; token++)
            assignments.Add(token, token, 0.5f);
        assignments.BeginExpert(0);
        assignments.Add(8, 2, 0.25f);
        fixture.Device.RunExperts(experts, assignments, input, output);
        fixture.Device.Complete();
    }

    private static void Attention(DeviceFixture fixture, int headDim)
    {
        AttentionShape shape = new(2, 1, headDim, Clip: 1);
        // The device has its threshold for two passes at 40 keys.
        using AttentionCase attention = new(fixture, shape, capacity: 50);
        foreach (int tokens in new[] { 2, 35, 1, 6, 3 })
            attention.Check(tokens, 2e-5);
    }

    private static void Elementwise(DeviceFixture fixture)
    {
        IDevice device = fixture.Device;
        Activations rows = fixture.Activations(6, 37), sums = fixture.Activations(2, 37);
        using Routing routing = new(device, 6, 4);
        device.Add(rows, fixture.Activations(6, 37));
        device.SumGroups(rows, 3, sums);
        device.Route(rows, 1f, routing);
        device.Touch(rows.Buffer);
    }
}
