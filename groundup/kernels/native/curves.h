// Curves by which numbers are bent: inside a feed-forward, and where scores or logits are kept below a cap.
#pragma once
#include "numbers.h"
#include <algorithm>

enum Curve : int32_t { SILU, GELU, RELU, RELU2, GELU_EXACT };

// Abramowitz and Stegun 7.1.26, right to 1.5e-7.
inline Floats error_function(Floats x) {
    const Floats size = larger(x, -x), t = 1.0f / (size * 0.3275911f + 1.0f);
    Floats series = all(1.061405429f);
    for (float term : {-1.453152027f, 1.421413741f, -0.284496736f, 0.254829592f}) series = series * t + term;
    const Floats found = 1.0f - series * t * exponential(-size * size);
    return x < 0.0f ? -found : found;
}

inline Floats bend(int curve, Floats x) {
    if (curve == SILU) return x / (exponential(-x) + 1.0f);
    if (curve == GELU) return x / (exponential((x + x * x * x * 0.044715f) * -1.59576912f) + 1.0f);  // -2 * sqrt(2 / pi)
    if (curve == GELU_EXACT) return x * 0.5f * (error_function(x * 0.70710678f) + 1.0f);
    const Floats above = larger(x, Floats{});
    return curve == RELU2 ? above * above : above;
}

// up (count) = curve(gate) * up, or curve(up) where there is no gate.
inline void bend_all(int curve, const float* gate, float* up, int count) {
    for (int at = 0; at < count; at += LANES) {
        const Floats raised = load_some(up + at, count - at);
        store_some(up + at, gate ? bend(curve, load_some(gate + at, count - at)) * raised : bend(curve, raised), count - at);
    }
}

// x (count) = cap * tanh(x / cap): hardly changed while small, never larger than the cap.
inline void keep_below(float cap, float* x, int count) {
    for (int at = 0; at < count; at += LANES) {
        const Floats grown = exponential(load_some(x + at, count - at) * (2 / cap));
        store_some(x + at, cap - 2 * cap / (grown + 1.0f), count - at);
    }
}
