using System.Runtime.InteropServices;

namespace SpmdDbrx.Compute.Metal;

// The constant structures of native/metal/*.metal, field by field.

[StructLayout(LayoutKind.Sequential)]
internal readonly record struct EmbedShape(uint Columns, uint Tokens, ulong RowStrideBytes);

[StructLayout(LayoutKind.Sequential)]
internal readonly record struct GroupSumShape(uint Columns, uint GroupSize);

[StructLayout(LayoutKind.Sequential)]
internal readonly record struct StandbyShape(ulong Bytes, uint Threads);

[StructLayout(LayoutKind.Sequential)]
internal readonly record struct NormShape(uint Columns, float Epsilon);

[StructLayout(LayoutKind.Sequential)]
internal readonly record struct ProductShape(uint Outputs, uint Inputs, uint Tokens, uint StripInputs, ulong RowStrideBytes, ulong StripStrideBytes);

[StructLayout(LayoutKind.Sequential)]
internal readonly record struct ExpertShape(
    uint Neurons, uint Columns, uint Assignments, uint StripColumns, ulong GateStrideBytes, ulong UpStrideBytes, ulong DownStrideBytes,
    ulong GateStripBytes, ulong UpStripBytes, ulong DownStripBytes);

[StructLayout(LayoutKind.Sequential)]
internal readonly record struct RouterShape(uint Experts, uint TopK, float NormalizationPower);

[StructLayout(LayoutKind.Sequential)]
internal readonly record struct AttentionArguments(
    uint Heads, uint KvHeads, uint HeadDim, uint Capacity, uint Position, uint Tokens, float Clip, float Scale, uint BlockKeys, uint Blocks);
