using SpmdDbrx.Compute;
using SpmdDbrx.Model;

namespace SpmdDbrx.Engine.Decoding;

/// <summary>Every activation buffer of the decoder, allocated once for the largest batch.</summary>
public sealed class Workspace : IDisposable
{
    private readonly IDevice device;
    private readonly List<DeviceBuffer> buffers = [];

    /// <param name="device">Where the buffers live.</param>
    /// <param name="config">Sizes.</param>
    /// <param name="tokenCapacity">Largest batch.</param>
    /// <param name="logitCapacity">Most rows of logits computed at once.</param>
    /// <param name="outputRowsPerToken">1, or TopK to keep expert outputs apart until they are added in gate order.</param>
    /// <param name="checkFloats">Floats that follow the expert outputs in the message between ranks.</param>
    /// <param name="logitRanks">Ranks that share out the logits of a token.</param>
    public Workspace(IDevice device, ModelConfig config, int tokenCapacity, int logitCapacity, int outputRowsPerToken, int checkFloats, int logitRanks)
    {
        this.device = device;
        OutputRowsPerToken = outputRowsPerToken;
        Hidden = Allocate(tokenCapacity, config.HiddenDim);
        Normed = Allocate(tokenCapacity, config.HiddenDim, tailFloats: 2 * tokenCapacity * config.TopK);
        ExpertOutput = Allocate(tokenCapacity * outputRowsPerToken, config.HiddenDim, checkFloats);
        Qkv = Allocate(tokenCapacity, config.Attention.QkvDim);
        Attended = Allocate(tokenCapacity, config.Attention.QueryDim);
        RouterLogits = Allocate(tokenCapacity, config.ExpertCount);
        Logits = Allocate(logitCapacity, config.VocabularySize);
        if (logitRanks > 1)
        {
            LogitPart = Allocate(1, LmHead.PartLength(config.VocabularySize, logitRanks));
            LogitParts = Allocate(logitRanks, LmHead.PartLength(config.VocabularySize, logitRanks));
        }
        Routing = new Routing(device, tokenCapacity, config.TopK);
    }

    /// <summary>The residual stream, [tokens, D].</summary>
    public Activations Hidden { get; }

    /// <summary>Output of a norm, [tokens, D]; also where projections back to D land before they are added.</summary>
    /// <remarks>Followed by room for the routing, so that the centralised topology sends both in one message.</remarks>
    public Activations Normed { get; }

    /// <summary>Weighted expert outputs, [tokens · OutputRowsPerToken, D], followed by room for the consistency check: the layer's message.</summary>
    public Activations ExpertOutput { get; }

    /// <summary>1, or TopK in deterministic mode.</summary>
    public int OutputRowsPerToken { get; }

    /// <summary>Fused q, k and v, [tokens, QkvDim].</summary>
    public Activations Qkv { get; }

    /// <summary>Output of attention, [tokens, QueryDim].</summary>
    public Activations Attended { get; }

    /// <summary>[tokens, E].</summary>
    public Activations RouterLogits { get; }

    /// <summary>[logit rows, vocabulary].</summary>
    public Activations Logits { get; }

    /// <summary>This rank's part of the logits of a token; nothing where it computes all.</summary>
    public Activations LogitPart { get; }

    /// <summary>The parts of all ranks that share them out; nothing where this rank computes all.</summary>
    public Activations LogitParts { get; }

    /// <summary>The router's choice.</summary>
    public Routing Routing { get; }

    /// <summary>Bytes of the buffers of such a workspace, without room for the consistency check and for the parts of a token's logits.</summary>
    public static long BytesOf(ModelConfig config, int tokenCapacity, int logitCapacity, int outputRowsPerToken)
    {
        long floatsPerToken = ((2L + outputRowsPerToken) * config.HiddenDim) + (2 * config.TopK)
            + config.Attention.QkvDim + config.Attention.QueryDim + config.ExpertCount;
        return sizeof(float) * ((tokenCapacity * floatsPerToken) + ((long)logitCapacity * config.VocabularySize));
    }

    /// <summary>Bytes of all buffers.</summary>
    public long Bytes => buffers.Sum(buffer => buffer.ByteLength);

    private Activations Allocate(int rows, int columns, int tailFloats = 0)
    {
        DeviceBuffer buffer = device.Allocate((((long)rows * columns) + tailFloats) * sizeof(float));
        buffers.Add(buffer);
        return new Activations(buffer, 0, rows, columns);
    }

    public void Dispose()
    {
        foreach (DeviceBuffer buffer in buffers)
            buffer.Dispose();
        Routing.Dispose();
    }
}
