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
/// <param name="experts">This rank's part of the experts.</param>
/// <param name="exchange">How the ranks' parts come together.</param>
/// <param name="clock">Where the time goes.</param>
public sealed class Decoder(
    ModelConfig config,
    IDevice device,
    RankWeights weights,
    Workspace workspace,
    Attention attention,
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
    public void Forward(ReadOnlySpan<int> tokens, int position)
    {
        clock.Start();
        Activations hidden = workspace.Hidden.Take(tokens.Length);
        Activations normed = workspace.Normed.Take(tokens.Length);
        Activations expertOutput = workspace.ExpertOutput.Take(tokens.Length * workspace.OutputRowsPerToken);
        Routing routing = workspace.Routing;
        routing.TokenCount = tokens.Length;
        if (exchange.RunsAttention)
            device.Embed(weights.Embedding, tokens, hidden);

        for (int index = 0; index < weights.Layers.Length; index++)
        {
            LayerWeights layer = weights.Layers[index];
            exchange.Activity.Index = index;
            if (exchange.RunsAttention)
            {
                device.LayerNorm(hidden, layer.AttentionNorm, config.NormEpsilon, normed);
                attention.Forward(layer, index, workspace, normed, hidden, position);
                device.LayerNorm(hidden, layer.ExpertNorm, config.NormEpsilon, normed);
                ChooseExperts(layer, normed, routing);
            }
            clock.Charge(Cost.Misc);
            exchange.ShareInputs(normed, routing);
            OnRouting?.Invoke(index, routing);
            clock.Charge(Cost.Communication);
            experts.Forward(layer, index, routing, normed, expertOutput);
            clock.Charge(Cost.Experts);
            exchange.Combine(expertOutput, routing, tokens, index, position);
            clock.Charge(Cost.Communication);
            if (exchange.RunsAttention)
                AddExperts(hidden, normed, expertOutput);
        }
        device.Complete();
        clock.Charge(Cost.Misc);
    }

    /// <summary>Logits of some tokens of the last <see cref="Forward"/>.</summary>
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
        device.Multiply(normed, weights.LmHead, logits);
        device.Complete();
        clock.Charge(Cost.Misc);
        return logits;
    }

    private void ChooseExperts(LayerWeights layer, Activations normed, Routing routing)
    {
        Activations logits = workspace.RouterLogits.Take(normed.Rows);
        device.Multiply(normed, layer.Router, logits);
        device.Route(logits, config.RouterNormalizationPower, routing);
        device.Complete();
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
