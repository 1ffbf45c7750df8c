using SpmdDbrx.Compute;
using SpmdDbrx.Engine.Placement;
using SpmdDbrx.Engine.Weights;

namespace SpmdDbrx.Engine.Decoding;

/// <summary>Grouped-query attention with clipped q, k, v and RoPE, replicated on every rank (MECHANISMS §1); ranks that share memory share out what it reads.</summary>
/// <param name="device">Does the arithmetic.</param>
/// <param name="shape">Heads and clip.</param>
/// <param name="rotary">Rotations.</param>
/// <param name="cache">Keys and values of all layers.</param>
/// <param name="teams">Which ranks work on a few tokens together.</param>
/// <param name="rank">This rank.</param>
public sealed class Attention(IDevice device, AttentionShape shape, RotaryTable rotary, KvCache cache, RankTeams teams, int rank)
{
    /// <summary>hidden += out_proj(attention(Wqkv(normed))); fills the cache at position … position + tokens − 1.</summary>
    /// <param name="layer">Weights.</param>
    /// <param name="index">The layer's place in the cache.</param>
    /// <param name="workspace">Buffers.</param>
    /// <param name="normed">[tokens, D]; overwritten.</param>
    /// <param name="hidden">[tokens, D].</param>
    /// <param name="position">Position of the first token.</param>
    public void Forward(LayerWeights layer, int index, Workspace workspace, Activations normed, Activations hidden, int position)
    {
        Activations qkv = workspace.Qkv.Take(normed.Rows);
        Activations attended = workspace.Attended.Take(normed.Rows);
        Multiply(normed, layer.Wqkv, qkv);
        device.RotateAndStore(qkv, shape, rotary, cache, index, position);
        if (teams.WorkTogether(rank, qkv.Rows))
            device.AttendTogether(qkv, shape, cache, index, position, attended);
        else
            device.Attend(qkv, shape, cache, index, position, attended);
        Multiply(attended, layer.AttentionOutput, normed);
        device.Add(hidden, normed);
    }

    private void Multiply(Activations input, in WeightMatrix weight, Activations output)
    {
        if (teams.WorkTogether(rank, input.Rows))
            device.MultiplyTogether(input, weight, output);
        else
            device.Multiply(input, weight, output);
    }
}
