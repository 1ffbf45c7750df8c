using SpmdDbrx.Compute;
using SpmdDbrx.Mpi;

namespace SpmdDbrx.Engine.Experts;

/// <summary>Attention and router replicated on every rank: one all-reduce a layer, the consistency check in its tail ([P1] §4.3, MECHANISMS §5).</summary>
public sealed class DecentralizedExchange(Intracommunicator world, RoutingCheck check) : ExpertExchange(world)
{
    public override bool RunsAttention => true;

    public override void ShareInputs(Activations normed, Routing routing)
    {
    }

    public override void Combine(Activations output, Routing routing, ReadOnlySpan<int> tokens, int layer, int position)
    {
        int outputFloats = output.Rows * output.Columns;
        Span<float> message = output.Buffer.Span<float>(output.ByteOffset, outputFloats + check.FloatCount(tokens.Length));
        check.Write(message[outputFloats..], routing, tokens);
        World.Allreduce(message, Operation<float>.Add);
        check.Verify(message[outputFloats..], tokens, layer, position);
    }

    // Every rank samples from the same logits and the same seed; the next layer's check covers the token.
    public override int AgreeOnToken(int sampled) => sampled;
}
