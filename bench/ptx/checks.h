// One function for each file of native/metal: its kernels on odd sizes, on the widths of known models, and, where a GPU runs
// them, on whole matrices of DBRX. Threads and threadgroups are those of src/SpmdDbrx.Compute/Metal.
#pragma once
#include "checker.h"

constexpr unsigned SimdWidth = 32, TileBytes = 12 * 1024;

// A model whose widths are checked.
struct Archetype {
    const char* name;
    unsigned hiddenDim, expertDim, experts, topK, heads, kvHeads, headDim;
};

inline const Archetype archetypes[] = {
    {"DBRX", 6144, 10752, 16, 4, 48, 8, 128},
    {"Mixtral 8x7B", 4096, 14336, 8, 2, 32, 8, 128},
    {"Qwen3-30B-A3B", 2048, 768, 128, 8, 32, 4, 128},
    {"OLMoE", 2048, 1024, 64, 8, 16, 16, 128},
    {"Phi-3.5-MoE", 4096, 6400, 16, 2, 32, 8, 128},
    {"tiny-dbrx", 128, 192, 16, 4, 4, 2, 32},
};

// Strips of a large matrix of so many columns in a prestacked file, for the widths above.
inline unsigned stripsOf(unsigned columns) { return columns > 2048 ? columns / 2048 : 1; }

void checkElementwise(Checker& checker);
void checkNorms(Checker& checker);
void checkProducts(Checker& checker);
void checkRouter(Checker& checker);
void checkExperts(Checker& checker);
void checkAttention(Checker& checker);
