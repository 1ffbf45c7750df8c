using SpmdDbrx.Compute;

namespace SpmdDbrx.Tests.Compute.Cpu;

/// <summary>All operations of a layer on random weights, large enough to be shared out among threads.</summary>
internal sealed class LayerCase : IDisposable
{
    private const int Columns = 512;
    private const int Experts = 3;

    private readonly IDevice device;
    private readonly AttentionShape shape = new(HeadCount: 8, KvHeadCount: 4, HeadDim: 64, Clip: 8);
    private readonly KvCache cache;
    private readonly RotaryTable rotary;
    private readonly Routing routing;
    private readonly ExpertWeights[] experts;
    private readonly ExpertAssignments assignments;
    private readonly WeightMatrix embedding, norm, wqkv, router;
    private readonly Activations hidden, normed, qkv, attended, logits, expertOutput;
    private readonly int[] tokens;

    public LayerCase(DeviceFixture fixture, int tokenCount)
    {
        device = fixture.Device;
        // Several blocks of positions from the first step on.
        int capacity = Start + (3 * tokenCount);
        cache = new KvCache(device, 1, shape, capacity);
        rotary = new RotaryTable(device, shape.HeadDim, 10_000, capacity);
        routing = new Routing(device, tokenCount, 2);
        embedding = fixture.Weights(100, Columns, ElementType.BFloat16);
        norm = fixture.Weights(1, Columns, ElementType.BFloat16);
        wqkv = fixture.Weights(shape.QkvDim, Columns, ElementType.BFloat16, 0.05f, strips: 2);
        router = fixture.Weights(Experts, Columns, ElementType.BFloat16, 0.05f);
        experts = [.. Enumerable.Range(0, Experts).Select(_ => fixture.Expert(2500, Columns, ElementType.BFloat16, strips: 2))];
        assignments = new ExpertAssignments(Experts, 2 * tokenCount);
        hidden = fixture.Activations(tokenCount, Columns);
        normed = fixture.Activations(tokenCount, Columns);
        qkv = fixture.Activations(tokenCount, shape.QkvDim);
        attended = fixture.Activations(tokenCount, shape.QueryDim);
        logits = fixture.Activations(tokenCount, Experts);
        expertOutput = fixture.Activations(tokenCount, Columns);
        tokens = [.. Enumerable.Range(0, tokenCount).Select(token => token % 100)];
        Outputs = [hidden, normed, qkv, attended, expertOutput];
        FillCache(fixture);
    }

    private static int Start => 1100;

    public Activations[] Outputs { get; }

    public void Run(int position)
    {
        device.Embed(embedding, tokens, hidden);
        device.LayerNorm(hidden, norm, 1e-5f, normed);
        device.Multiply(normed, wqkv, qkv);
        device.RotateAndStore(qkv, shape, rotary, cache, 0, Start + position);
        device.Attend(qkv, shape, cache, 0, Start + position, attended);
        device.Add(hidden, attended);
        device.LayerNorm(hidden, norm, 1e-5f, normed);
        device.Multiply(normed, router, logits);
        device.Route(logits, 1, routing);
        Assign();
        device.RunExperts(experts, assignments, normed, expertOutput);
        device.Add(hidden, expertOutput);
    }

    public void Dispose()
    {
        cache.Dispose();
        rotary.Dispose();
        routing.Dispose();
    }

    private void Assign()
    {
        assignments.Clear();
        for (int expert = 0; expert < Experts; expert++)
        {
            assignments.BeginExpert(expert);
            for (int index = 0; index < routing.Experts.Length; index++)
            {
                if (routing.Experts[index] == expert)
                    assignments.Add(index / routing.TopK, index / routing.TopK, routing.Weights[index]);
            }
        }
    }

    private void FillCache(DeviceFixture fixture)
    {
        Activations history = fixture.Activations(Start, shape.QkvDim);
        device.RotateAndStore(history, shape, rotary, cache, 0, 0);
    }
}
