using System.Runtime.InteropServices;
using SpmdDbrx.Compute;
using SpmdDbrx.Mpi;

namespace SpmdDbrx.Engine.Experts;

/// <summary>Rank 0 runs attention and router, sends the expert inputs and gathers the outputs: two communications a layer ([P1] §3).</summary>
public sealed class CentralizedExchange(Intracommunicator world) : ExpertExchange(world)
{
    private const int Leader = 0;

    public override bool RunsAttention => World.Rank == Leader;

    public override void ShareInputs(Activations normed, Routing routing)
    {
        int inputFloats = normed.Rows * normed.Columns;
        int choices = normed.Rows * routing.TopK;
        Span<float> message = normed.Buffer.Span<float>(normed.ByteOffset, inputFloats + (2 * choices));
        Span<int> experts = MemoryMarshal.Cast<float, int>(message.Slice(inputFloats, choices));
        Span<float> weights = message[(inputFloats + choices)..];
        if (RunsAttention)
        {
            routing.Experts.CopyTo(experts);
            routing.Weights.CopyTo(weights);
        }
        World.Broadcast(message, Leader);
        if (!RunsAttention)
        {
            experts.CopyTo(routing.Experts);
            weights.CopyTo(routing.Weights);
        }
    }

    public override void Combine(Activations output, Routing routing, ReadOnlySpan<int> tokens, int layer, int position) =>
        World.Reduce(output.Values, Operation<float>.Add, Leader);

    public override int AgreeOnToken(int sampled)
    {
        Span<int> token = [sampled];
        World.Broadcast(token, Leader);
        return token[0];
    }
}
