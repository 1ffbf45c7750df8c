namespace SpmdDbrx.Compute;

/// <summary>What the decoder asks of a processor: the CPU runs every call at once, a GPU encodes it, starts it with <see cref="Commit"/> and has run it by <see cref="Wait"/>.</summary>
/// <remarks>Calls take effect in order. Shapes in brackets are [rows, columns]. Everything is float32 but weights,
/// which stay as stored. No call allocates after the first token.</remarks>
public interface IDevice : IDisposable
{
    /// <summary>Short name for tables: "cpu", "metal".</summary>
    string Name { get; }

    /// <summary>What it is in words: instruction set and threads, or the GPU's name.</summary>
    string Description { get; }

    /// <summary>Refuses what this device cannot hold, before any of it is loaded. A CPU refuses nothing: the system pages mapped weights in and out.</summary>
    /// <param name="byteLength">All bytes that will be wrapped and allocated.</param>
    /// <param name="what">What they are, for the message.</param>
    /// <exception cref="InsufficientMemoryException">They do not fit; says which limit to raise to what.</exception>
    void RequireMemory(long byteLength, string what);

    /// <summary>Refuses experts of one layer that this device cannot compute because of the types they are stored in.</summary>
    /// <exception cref="NotSupportedException">Says which types, and which would do.</exception>
    void RequireExperts(ReadOnlySpan<ExpertWeights> experts);

    /// <summary>Most tokens that devices of several ranks of a host can work on together; 0 = this device cannot.</summary>
    /// <seealso cref="ExpertAssignments.AreShared"/>
    /// <seealso cref="MultiplyTogether"/>
    /// <seealso cref="AttendTogether"/>
    int SharedBatch { get; }

    /// <summary>Most assignments that they can run together in one call; 0 = this device cannot.</summary>
    int SharedAssignments { get; }

    /// <summary>Bytes of a workspace that it takes to run an expert together.</summary>
    /// <exception cref="NotSupportedException">This device cannot.</exception>
    long SharedExpertBytes(in ExpertWeights expert);

    /// <summary>Bytes of a workspace that it takes to multiply so many tokens with a matrix together.</summary>
    /// <exception cref="NotSupportedException">This device cannot.</exception>
    long SharedProductBytes(in WeightMatrix weight, int tokens);

    /// <summary>Bytes of a workspace that it takes for so many tokens to attend together to a cache of so many positions.</summary>
    /// <exception cref="NotSupportedException">This device cannot.</exception>
    long SharedAttentionBytes(AttentionShape shape, int tokens, int capacity);

    /// <summary>Begins to work together with the other devices that are given the workspace, or ends it.</summary>
    /// <param name="workspace">The same memory for all of them; must stay until this is called again. Null: none.</param>
    /// <exception cref="InvalidOperationException">The device has a workspace already: one session at a time can share it.</exception>
    /// <exception cref="NotSupportedException">This device cannot.</exception>
    void Share(SharedWorkspace? workspace);

    /// <summary>Zeroed memory, aligned to at least 64 bytes, shared with the host.</summary>
    /// <exception cref="InsufficientMemoryException">The device cannot hold it.</exception>
    DeviceBuffer Allocate(long byteLength);

    /// <summary>Wraps a part of a mapped file without copying it. The file must outlive the buffer.</summary>
    /// <param name="file">The mapped file.</param>
    /// <param name="byteOffset">A multiple of 16 KiB.</param>
    /// <param name="byteLength">Length in bytes.</param>
    DeviceBuffer Wrap(MappedFile file, long byteOffset, long byteLength);

    /// <summary>output[t] = table[tokens[t]].</summary>
    /// <param name="table">[vocabulary, D], whole rows.</param>
    /// <param name="tokens">Token ids, each below the vocabulary.</param>
    /// <param name="output">[tokens, D].</param>
    void Embed(in WeightMatrix table, ReadOnlySpan<int> tokens, Activations output);

    /// <summary>output = (input − mean) / sqrt(variance + epsilon) · weight, per row, without bias.</summary>
    /// <param name="input">[tokens, D].</param>
    /// <param name="weight">[1, D], a whole row.</param>
    /// <param name="epsilon">Added to the variance.</param>
    /// <param name="output">[tokens, D]; may be the input.</param>
    void LayerNorm(Activations input, in WeightMatrix weight, float epsilon, Activations output);

    /// <summary>output[t, o] = Σ_k input[t, k] · weight[o, k].</summary>
    /// <param name="input">[tokens, in].</param>
    /// <param name="weight">[out, in].</param>
    /// <param name="output">[tokens, out].</param>
    void Multiply(Activations input, in WeightMatrix weight, Activations output);

    /// <summary><see cref="Multiply"/> with a part of the rows on each of the devices that share a workspace; every one gets the whole output, in the bits of one alone.</summary>
    /// <remarks>All of them must call it with the same bits of input, and meet (in an all-reduce, say) after three calls at the latest, those of <see cref="AttendTogether"/>
    /// included: a device that is ahead writes where one that is behind still reads.</remarks>
    /// <param name="input">[tokens, in].</param>
    /// <param name="weight">[out, in].</param>
    /// <param name="output">[tokens, out].</param>
    /// <exception cref="ArgumentException">No workspace, one that is too small, or more tokens than <see cref="SharedBatch"/>.</exception>
    /// <exception cref="NotSupportedException">This device cannot.</exception>
    void MultiplyTogether(Activations input, in WeightMatrix weight, Activations output);

    /// <summary>Clamps q, k and v, rotates q (in place) and k (RoPE, rotate-half), and stores k and v at positions position … position + tokens − 1.</summary>
    /// <param name="qkv">[tokens, QkvDim]; what it holds of k and v afterwards is left to the device.</param>
    /// <param name="shape">Heads and clip.</param>
    /// <param name="rotary">Tables for at least position + tokens positions.</param>
    /// <param name="cache">Where k and v go.</param>
    /// <param name="layer">Layer in the cache.</param>
    /// <param name="position">Position of the first token.</param>
    void RotateAndStore(Activations qkv, AttentionShape shape, RotaryTable rotary, KvCache cache, int layer, int position);

    /// <summary>Causal attention: token t sees positions 0 … position + t. Scale 1/√headDim, softmax in float32.</summary>
    /// <param name="qkv">[tokens, QkvDim] after <see cref="RotateAndStore"/>; only q is read.</param>
    /// <param name="shape">Heads.</param>
    /// <param name="cache">Keys and values, the batch's own included.</param>
    /// <param name="layer">Layer in the cache.</param>
    /// <param name="position">Position of the first token.</param>
    /// <param name="output">[tokens, QueryDim].</param>
    void Attend(Activations qkv, AttentionShape shape, KvCache cache, int layer, int position, Activations output);

    /// <summary><see cref="Attend"/> with a part of the heads and positions each, as <see cref="MultiplyTogether"/>; every device has all keys and values in its own cache.</summary>
    /// <param name="qkv">As for <see cref="Attend"/>.</param>
    /// <param name="shape">Heads.</param>
    /// <param name="cache">Keys and values, the batch's own included.</param>
    /// <param name="layer">Layer in the cache.</param>
    /// <param name="position">Position of the first token.</param>
    /// <param name="output">[tokens, QueryDim].</param>
    /// <exception cref="ArgumentException">As for <see cref="MultiplyTogether"/>.</exception>
    /// <exception cref="NotSupportedException">This device cannot.</exception>
    void AttendTogether(Activations qkv, AttentionShape shape, KvCache cache, int layer, int position, Activations output);

    /// <summary>Softmax over all experts, then the top k in descending order (ties: lower index first), then division by the chosen weights' p-norm.</summary>
    /// <param name="logits">[tokens, experts].</param>
    /// <param name="normalizationPower">p of the norm; null = no normalisation.</param>
    /// <param name="routing">Receives the choice.</param>
    void Route(Activations logits, float? normalizationPower, Routing routing);

    /// <summary>output = 0, then output[outputRow] += weight · expert(input[inputRow]) for every assignment.</summary>
    /// <remarks>Of shared assignments (<see cref="ExpertAssignments.AreShared"/>) every device writes a part of the output, always the same, and 0 elsewhere.</remarks>
    /// <param name="experts">This rank's experts of the layer.</param>
    /// <param name="assignments">Who computes what, grouped by expert.</param>
    /// <param name="input">[tokens, D].</param>
    /// <param name="output">[output rows, D].</param>
    /// <exception cref="ArgumentException">On the CPU: shared assignments without a workspace, with one that is too small, or more than it can share.</exception>
    /// <exception cref="NotSupportedException">Shared assignments on a device that cannot.</exception>
    void RunExperts(ReadOnlySpan<ExpertWeights> experts, ExpertAssignments assignments, Activations input, Activations output);

    /// <summary>target += addend.</summary>
    void Add(Activations target, Activations addend);

    /// <summary>output[t] = Σ_j input[t · groupSize + j] in ascending order of j: the deterministic combination of expert outputs.</summary>
    /// <param name="input">[tokens · groupSize, D].</param>
    /// <param name="groupSize">Rows added into one.</param>
    /// <param name="output">[tokens, D].</param>
    void SumGroups(Activations input, int groupSize, Activations output);

    /// <summary>Reads every byte of a buffer or of a part of it once and returns 0 where all are 0, else a number above 0, so that the read is not optimised away ("standby", [P1] §4).</summary>
    /// <param name="buffer">The buffer.</param>
    /// <param name="byteOffset">First byte, a multiple of 16.</param>
    /// <param name="byteLength">Bytes to read; null = all to the end.</param>
    /// <exception cref="ArgumentOutOfRangeException">On the CPU: the part leaves the buffer.</exception>
    float Touch(DeviceBuffer buffer, long byteOffset = 0, long? byteLength = null);

    /// <summary>Whether calls only encode, so that the next work can be asked for while the last runs. False: calls run at once.</summary>
    bool EncodesAhead { get; }

    /// <summary>Starts what has been asked for and returns at once. What is asked for next starts with the next Commit.</summary>
    void Commit();

    /// <summary>Returns when everything committed has run; only then may the host read its results.</summary>
    void Wait();

    /// <summary><see cref="Commit"/>, then <see cref="Wait"/>.</summary>
    void Complete();
}
