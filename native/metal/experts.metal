// SwiGLU experts: y = Σ_f silu(w1_f · x) · (v1_f · x) · w2_f, in two steps for the assignments of one expert, then one
// weighted sum for all experts. The three matrices are stored in equal strips of columns, one behind the other, as in product.metal.
#ifndef SPMD_TILE_H
#include "tile.h"
#endif

// Buffers of one dispatch are bound from the expert's first assignment on.
struct ExpertShape {
    uint neurons;  // F
    uint columns;  // D
    uint assignments;
    uint stripColumns;
    ulong gateStrideBytes;
    ulong upStrideBytes;
    ulong downStrideBytes;
    ulong gateStripBytes;  // from a strip to the next
    ulong upStripBytes;
    ulong downStripBytes;
};

enum : uint {
    NeuronsPerSimdgroup = 2,
    DownColumns = SimdWidth * 4,  // columns a threadgroup of expert_down sums
};

// Decode: hidden[a, f] = silu(w1_f · x) · (v1_f · x); gate and up share the read of x.
template <typename T, bool Wide>
kernel void expert_up(device const uchar* gate BUFFER(0), device const uchar* up BUFFER(1), device const float* input BUFFER(2),
                      device const uint* inputRows BUFFER(3), device float* hidden BUFFER(4), constant ExpertShape& shape BUFFER(5),
                      uint3 group BUILT_IN(threadgroup_position_in_grid), ushort lane BUILT_IN(thread_index_in_simdgroup),
                      ushort simdgroup BUILT_IN(simdgroup_index_in_threadgroup), ushort simdgroups BUILT_IN(simdgroups_per_threadgroup)) {
    const uint assignment = group.y;
    const uint firstNeuron = (group.x * simdgroups + simdgroup) * NeuronsPerSimdgroup;
    if (firstNeuron >= shape.neurons) return;
    device const float* x = input + (ulong)inputRows[assignment] * shape.columns;
    float gates[NeuronsPerSimdgroup] = {}, ups[NeuronsPerSimdgroup] = {};
    for (uint first = 0; first < shape.columns; first += shape.stripColumns, gate += shape.gateStripBytes, up += shape.upStripBytes)
        for (uint k = lane * 4; k < shape.stripColumns; k += SimdWidth * 4) {
            const float4 xs = load4<Wide>(x + first, k, shape.stripColumns);
            UNROLLED
            for (uint r = 0; r < NeuronsPerSimdgroup; r++) {
                const uint neuron = min(firstNeuron + r, shape.neurons - 1);
                gates[r] += dot(load4<Wide>(weight_row<T>(gate, neuron, shape.gateStrideBytes), k, shape.stripColumns), xs);
                ups[r] += dot(load4<Wide>(weight_row<T>(up, neuron, shape.upStrideBytes), k, shape.stripColumns), xs);
            }
        }
    UNROLLED
    for (uint r = 0; r < NeuronsPerSimdgroup; r++) {
        const float g = simd_sum(gates[r]), u = simd_sum(ups[r]);
        if (lane == 0 && firstNeuron + r < shape.neurons) hidden[(ulong)assignment * shape.neurons + firstNeuron + r] = silu(g) * u;
    }
}
EXPORT_FOR_WEIGHTS("expert_up", expert_up)

// Decode: result[a, d] = Σ_f hidden[a, f] · w2[f, d]; the SIMD-groups split the neurons of 128 columns.
template <typename T, bool Wide>
kernel void expert_down(device const uchar* down BUFFER(0), device const float* hidden BUFFER(1), device float* result BUFFER(2),
                        constant ExpertShape& shape BUFFER(3), threadgroup float* parts THREADGROUP_MEMORY(0),
                        uint3 group BUILT_IN(threadgroup_position_in_grid), uint index BUILT_IN(thread_index_in_threadgroup),
                        ushort lane BUILT_IN(thread_index_in_simdgroup), ushort simdgroup BUILT_IN(simdgroup_index_in_threadgroup),
                        ushort simdgroups BUILT_IN(simdgroups_per_threadgroup)) {
    const ulong assignment = group.y;
    const uint firstColumn = group.x * DownColumns, strip = firstColumn / shape.stripColumns;
    const uint column = firstColumn - strip * shape.stripColumns + lane * 4;
    down += strip * shape.downStripBytes;
    device const float* h = hidden + assignment * shape.neurons;
    float4 sum = 0.0f;
    for (uint f = simdgroup; f < shape.neurons; f += simdgroups)
        sum += h[f] * load4<Wide>(weight_row<T>(down, f, shape.downStrideBytes), column, shape.stripColumns);
    UNROLLED
    for (uint i = 0; i < 4; i++) parts[simdgroup * DownColumns + lane * 4 + i] = sum[i];
    threadgroup_barrier(mem_flags::mem_threadgroup);
    for (uint i = index; i < DownColumns && firstColumn + i < shape.columns; i += simdgroups * SimdWidth) {
        float total = 0.0f;
        for (uint s = 0; s < simdgroups; s++) total += parts[s * DownColumns + i];
        result[assignment * shape.columns + firstColumn + i] = total;
    }
}
EXPORT_FOR_WEIGHTS("expert_down", expert_down)

// Prefill: 32 assignments × 32 neurons; the tile's outputs are 32 gate rows, then the 32 up rows of the same neurons.
template <typename T, bool Wide>
kernel void expert_up_tiled(device const uchar* gate BUFFER(0), device const uchar* up BUFFER(1), device const float* input BUFFER(2),
                            device const uint* inputRows BUFFER(3), device float* hidden BUFFER(4), constant ExpertShape& shape BUFFER(5),
                            threadgroup float* staging THREADGROUP_MEMORY(0), uint3 group BUILT_IN(threadgroup_position_in_grid),
                            uint index BUILT_IN(thread_index_in_threadgroup), ushort simdgroup BUILT_IN(simdgroup_index_in_threadgroup)) {
    threadgroup float* inputs = staging;
    threadgroup float* weights = staging + TileInputFloats;
    const uint half_ = TileOutputs / 2, firstNeuron = group.x * half_;
    const uint assignment = group.y * TileTokens + index / 4;
    const bool present = assignment < shape.assignments;
    device const float* x = input + (present ? (ulong)inputRows[assignment] * shape.columns : 0);
    const uint tileRow = index / 2, neuron = firstNeuron + tileRow % half_;
    TileSum sum;
    tile_clear(sum);
    for (uint first = 0; first < shape.columns; first += shape.stripColumns, gate += shape.gateStripBytes, up += shape.upStripBytes) {
        device const T* row = tileRow < half_ ? weight_row<T>(gate, neuron, shape.gateStrideBytes) : weight_row<T>(up, neuron, shape.upStrideBytes);
        for (uint k = 0; k < shape.stripColumns; k += TileInputs) {
            threadgroup_barrier(mem_flags::mem_threadgroup);
            tile_load_input<Wide>(inputs, x + first, present, k, shape.stripColumns, index);
            tile_load_weight<Wide>(weights, row, neuron < shape.neurons, k, shape.stripColumns, TileInputs, index);
            threadgroup_barrier(mem_flags::mem_threadgroup);
            tile_multiply<true>(sum, inputs, weights, simdgroup);
        }
    }
    tile_gather(sum, staging, simdgroup);
    if (!present) return;
    threadgroup const float* gates = staging + index / 4 * TileOutputs;
    for (uint i = index % 4; i < half_; i += 4)
        if (firstNeuron + i < shape.neurons)
            hidden[(ulong)assignment * shape.neurons + firstNeuron + i] = silu(gates[i]) * gates[half_ + i];
}
EXPORT_FOR_WEIGHTS("expert_up_tiled", expert_up_tiled)

// Prefill: 32 assignments × 64 columns; rows of w2 are the inputs of the product.
template <typename T, bool Wide>
kernel void expert_down_tiled(device const uchar* down BUFFER(0), device const float* hidden BUFFER(1), device float* result BUFFER(2),
                              constant ExpertShape& shape BUFFER(3), threadgroup float* staging THREADGROUP_MEMORY(0),
                              uint3 group BUILT_IN(threadgroup_position_in_grid), uint index BUILT_IN(thread_index_in_threadgroup),
                              ushort simdgroup BUILT_IN(simdgroup_index_in_threadgroup)) {
    threadgroup float* inputs = staging;
    threadgroup float* weights = staging + TileInputFloats;
    const uint firstColumn = group.x * TileOutputs, strip = firstColumn / shape.stripColumns;
    down += strip * shape.downStripBytes;
    const ulong assignment = group.y * TileTokens + index / 4;
    const bool present = assignment < shape.assignments;
    device const float* h = hidden + assignment * shape.neurons;
    TileSum sum;
    tile_clear(sum);
    for (uint f = 0; f < shape.neurons; f += TileInputs) {
        const uint neuron = f + index / 4;
        threadgroup_barrier(mem_flags::mem_threadgroup);
        // Rows of hidden are float32 and need not be a multiple of four long.
        tile_load_input<false>(inputs, h, present, f, shape.neurons, index);
        tile_load_weight<Wide>(weights, weight_row<T>(down, neuron, shape.downStrideBytes), neuron < shape.neurons,
                               firstColumn - strip * shape.stripColumns, shape.stripColumns, TileOutputs, index);
        threadgroup_barrier(mem_flags::mem_threadgroup);
        tile_multiply<false>(sum, inputs, weights, simdgroup);
    }
    tile_gather(sum, staging, simdgroup);
    if (!present) return;
    for (uint i = index % 4; i < TileOutputs; i += 4)
        if (firstColumn + i < shape.columns) result[assignment * shape.columns + firstColumn + i] = staging[index / 4 * TileOutputs + i];
}
EXPORT_FOR_WEIGHTS("expert_down_tiled", expert_down_tiled)

// output[r] = Σ weights[a] · result[a] over the assignments a of row r, listed in ascending order in
// rowAssignments[rowStarts[r] … rowStarts[r + 1] − 1]; zero where there are none.
template <int = 0>
kernel void combine_experts(device const float* result BUFFER(0), device const uint* rowStarts BUFFER(1),
                            device const uint* rowAssignments BUFFER(2), device const float* weights BUFFER(3),
                            device float* output BUFFER(4), constant uint& columns BUFFER(5),
                            uint3 group BUILT_IN(threadgroup_position_in_grid), uint index BUILT_IN(thread_index_in_threadgroup)) {
    const uint column = group.x * ElementwiseThreads + index;
    if (column >= columns) return;
    float sum = 0.0f;
    for (uint i = rowStarts[group.y]; i < rowStarts[group.y + 1]; i++) {
        const uint assignment = rowAssignments[i];
        sum += weights[assignment] * result[(ulong)assignment * columns + column];
    }
    output[(ulong)group.y * columns + column] = sum;
}
EXPORT_KERNEL("combine_experts", combine_experts<0>)
