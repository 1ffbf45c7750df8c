using SpmdDbrx.Compute;
using SpmdDbrx.Model;

namespace SpmdDbrx.Engine.Weights;

/// <summary>All weights one rank computes with.</summary>
/// <param name="Embedding">[vocabulary, D].</param>
/// <param name="Layers">Layers in order.</param>
/// <param name="FinalNorm">[1, D].</param>
/// <param name="LmHead">[vocabulary, D].</param>
public sealed record RankWeights(WeightMatrix Embedding, LayerWeights[] Layers, WeightMatrix FinalNorm, WeightMatrix LmHead)
{
    /// <summary>Maps the replicated weights and this rank's share of the experts, and nothing else.</summary>
    /// <exception cref="InvalidModelException">A file is missing or too short.</exception>
    public static RankWeights Map(ModelDirectory model, MappedWeights mapped, ExpertShare share)
    {
        LayerWeights[] layers = new LayerWeights[model.Config.LayerCount];
        for (int layer = 0; layer < layers.Length; layer++)
            layers[layer] = MapLayer(model, mapped, share, layer);
        return new RankWeights(mapped.Map(model.Embedding), layers, mapped.Map(model.FinalNorm), mapped.Map(model.LmHead));
    }

    /// <summary>Bytes of the files that <see cref="Map"/> would map, whole.</summary>
    public static long FileBytes(ModelDirectory model, ExpertShare share)
    {
        HashSet<string> files = [.. model.SharedWeights().Select(weights => weights.File)];
        foreach (int expert in share.Experts)
        {
            for (int layer = 0; layer < model.Config.LayerCount; layer++)
            {
                ExpertLocation location = model.Expert(layer, expert);
                files.UnionWith([location.W1.File, location.V1.File, location.W2.File]);
            }
        }
        return model.WeightFiles.Where(file => files.Contains(file.Name)).Sum(file => file.Bytes);
    }

    /// <summary>Refuses experts that a device cannot compute, before the first token.</summary>
    /// <exception cref="InvalidModelException">Their types are mixed in a way that the device has no kernels for.</exception>
    public void RequireExperts(IDevice device, ModelDirectory model)
    {
        for (int layer = 0; layer < Layers.Length; layer++)
        {
            try
            {
                device.RequireExperts(Layers[layer].Experts);
            }
            catch (NotSupportedException refusal)
            {
                throw new InvalidModelException($"{model.Path}: layer {layer}: {refusal.Message}; prestack the checkpoint with --weights bf16");
            }
        }
    }

    private static LayerWeights MapLayer(ModelDirectory model, MappedWeights mapped, ExpertShare share, int layer)
    {
        (int start, int count) = share.Rows(model.Config.ExpertHiddenDim);
        WeightMatrix MapRows(in WeightLocation location) => mapped.Map(location.Part(start, count));

        ExpertWeights[] experts = new ExpertWeights[share.Experts.Count];
        for (int slot = 0; slot < experts.Length; slot++)
        {
            ExpertLocation expert = model.Expert(layer, share.Experts[slot]);
            experts[slot] = new ExpertWeights(MapRows(expert.W1), MapRows(expert.V1), MapRows(expert.W2));
        }
        return new LayerWeights(
            mapped.Map(model.AttentionNorm(layer)),
            mapped.Map(model.Wqkv(layer)),
            mapped.Map(model.AttentionOutput(layer)),
            mapped.Map(model.ExpertNorm(layer)),
            mapped.Map(model.Router(layer)),
            experts);
    }
}
