using SpmdDbrx.Compute;

namespace SpmdDbrx.Tests.Compute.Metal;

/// <summary>One token of a model of one layer, every operation of a decode step.</summary>
internal static class TinyToken
{
    /// <summary>Allocates on the fixture's device; each call is a token.</summary>
    public static Action On(DeviceFixture fixture)
    {
        IDevice device = fixture.Device;
        AttentionShape shape = new(2, 1, 16, Clip: 8);
        KvCache cache = fixture.Own(new KvCache(device, 1, shape, 8));
        RotaryTable rotary = fixture.Own(new RotaryTable(device, 16, 10_000, 8));
        Routing routing = fixture.Own(new Routing(device, 1, 2));
        WeightMatrix norm = fixture.Weights(1, 32, ElementType.BFloat16), qkv = fixture.Weights(64, 32, ElementType.BFloat16, 0.1f);
        WeightMatrix table = fixture.Weights(9, 32, ElementType.BFloat16), router = fixture.Weights(4, 32, ElementType.BFloat16);
        ExpertWeights[] experts = [fixture.Expert(24, 32, ElementType.BFloat16), fixture.Expert(24, 32, ElementType.BFloat16)];
        Activations hidden = fixture.Activations(1, 32), normed = fixture.Activations(1, 32), projected = fixture.Activations(1, 64);
        Activations attended = fixture.Activations(1, 32), logits = fixture.Activations(1, 4), summed = fixture.Activations(1, 32);
        ExpertAssignments assignments = new(2, 2);
        int[] tokens = [3];
        return () =>
        {
            device.Embed(table, tokens, hidden);
            device.LayerNorm(hidden, norm, 1e-5f, normed);
            device.Multiply(normed, qkv, projected);
            device.RotateAndStore(projected, shape, rotary, cache, 0, 5);
            device.Attend(projected, shape, cache, 0, 5, attended);
            device.Add(hidden, attended);
            device.Multiply(hidden, router, logits);
            device.Route(logits, 1f, routing);
            device.Complete();
            assignments.Clear();
            for (int slot = 0; slot < 2; slot++)
            {
                assignments.BeginExpert(slot);
                assignments.Add(0, 0, routing.Weights[slot]);
            }
            device.RunExperts(experts, assignments, normed, summed);
            device.Complete();
        };
    }
}
