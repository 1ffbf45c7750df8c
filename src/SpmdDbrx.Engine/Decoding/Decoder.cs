using SpmdDbrx.Compute;
using SpmdDbrx.Engine.Experts;
using SpmdDbrx.Engine.Weights;
using SpmdDbrx.Model;

namespace SpmdDbrx.Engine.Decoding;

/// <summary>The model's forward pass as every rank runs it: the layer loop, written once for all devices, worlds and strategies.</summary>
/// <param name="config">Sizes.</param>
/// <param name="device">Does the arithmetic.</param>
/// <param name="weights">What this rank holds.</param>
/// <param name="workspace">Buffers.</param>
/// <param name="attention">Replicated attention.</param>
/// <param name="lmHead">The logits.</param>
/// <param name="experts">This rank's part of the experts.</param>
/// <param name="exchange">How the ranks' parts come together.</param>
/// <param name="clock">Where the time goes.</param>
public sealed class Decoder(
    ModelConfig config,
    IDevice device,
    RankWeights weights,
    Workspace workspace,
    Attention attention,
    LmHead lmHead,
    ExpertLayer experts,
    ExpertExchange exchange,
    DecodeClock clock)
{
    /// <summary>Most tokens of one <see cref="Forward"/>.</summary>
    public int BatchCapacity => workspace.Hidden.Rows;

    /// <summary>Most rows of one <see cref="Logits"/>.</summary>
    public int LogitCapacity => workspace.Logits.Rows;

    /// <summary>Receives layer and choice after every routing decision; null = nobody listens.</summary>
    public Action<int, Routing>? OnRouting { get; set; }

    /// <summary>Runs a batch of consecutive tokens through all layers; their keys and values stay in the cache.</summary>
    /// <param name="tokens">Ids, at most <see cref="BatchCapacity"/>.</param>
    /// <param name="position">Position of the first one.</param>
    /// <remarks>A layer is attention, router | experts, all-reduce. What follows the all-reduce, the next layer's attention and
    /// router, is asked for after it; a device that encodes ahead is asked while its experts run and starts when the all-reduce
    /// has returned.</remarks>
    public void Forward(ReadOnlySpan<int> tokens, int position)
    {
        clock.Start();
        Activations hidden = workspace.Hidden.Take(tokens.Length);
        Activations normed = workspace.Normed.Take(tokens.Length);
        Activations expertOutput = workspace.ExpertOutput.Take(tokens.Length * workspace.OutputRowsPerToken);
        Routing routing = workspace.Routing;
        routing.TokenCount = tokens.Length;
        if (exchange.RunsAttention)
        {
            device.Embed(weights.Embedding, tokens, hidden);
            ChooseExperts(0, hidden, normed, position);
        }
        for (int index = 0; index < weights.Layers.Length; index++)
        {
            exchange.Activity.Index = index;
            device.Complete();
            clock.Charge(Cost.Misc);
            exchange.ShareInputs(normed, routing);
            OnRouting?.Invoke(index, routing);
            clock.Charge(Cost.Communication);
            experts.Start(weights.Layers[index], index, routing, normed, expertOutput);
            if (device.EncodesAhead)
                FollowExperts(index, hidden, normed, expertOutput, position);
            device.Wait();
            clock.Charge(Cost.Experts);
            exchange.Combine(expertOutput, routing, tokens, index, position);
            clock.Charge(Cost.Communication);
            if (!device.EncodesAhead)
                FollowExperts(index, hidden, normed, expertOutput, position);
        }
        device.Complete();
        clock.Charge(Cost.Misc);
    }

    /// <summary>Logits of some tokens of the last <see cref="Forward"/>; a collective call of the ranks that run attention.</summary>
    /// <param name="firstRow">First token of the batch.</param>
    /// <param name="rows">Tokens, at most <see cref="LogitCapacity"/>.</param>
    /// <returns>[rows, vocabulary]; overwritten by the next call. Only where <see cref="ExpertExchange.RunsAttention"/>.</returns>
    public Activations Logits(int firstRow, int rows)
    {
        clock.Start();
        Activations hidden = workspace.Hidden.Slice(firstRow, rows);
        Activations normed = workspace.Normed.Take(rows);
        Activations logits = workspace.Logits.Take(rows);
        device.LayerNorm(hidden, weights.FinalNorm, config.NormEpsilon, normed);
        lmHead.Start(normed, logits);
        device.Complete();
        clock.Charge(Cost.Misc);
        lmHead.Gather(normed, logits);
        clock.Charge(Cost.Communication);
        return logits;
    }

    /// <summary>A layer's attention and router: hidden += attention, normed = what the experts get, and the choice.</summary>
    private void ChooseExperts(int index, Activations hidden, Activations normed, int position)
    {
        LayerWeights layer = weights.Layers[index];
        Activations logits = workspace.RouterLogits.Take(normed.Rows);
        device.LayerNorm(hidden, layer.AttentionNorm, config.NormEpsilon, normed);
        attention.Forward(layer, index, workspace, normed, hidden, position);
        device.LayerNorm(hidden, layer.ExpertNorm, config.NormEpsilon, normed);
        device.Multiply(normed, layer.Router, logits);
        device.Route(logits, config.RouterNormalizationPower, workspace.Routing);
    }

    /// <summary>From one all-reduce to the next choice: hidden += the experts' sum, then the next layer up to its router.</summary>
    private void FollowExperts(int index, Activations hidden, Activations normed, Activations expertOutput, int position)
    {
        if (!exchange.RunsAttention)
            return;
        AddExperts(hidden, normed, expertOutput);
        if (index + 1 < weights.Layers.Length)
            ChooseExperts(index + 1, hidden, normed, position);
    }

    private void AddExperts(Activations hidden, Activations scratch, Activations expertOutput)
    {
        if (workspace.OutputRowsPerToken == 1)
        {
            device.Add(hidden, expertOutput);
            return;
        }
        device.SumGroups(expertOutput, workspace.OutputRowsPerToken, scratch);
        device.Add(hidden, scratch);
    }
}
