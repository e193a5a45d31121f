// The parts of a model as Python describes them (layout.py), and what is done with a single vector between two products.
#pragma once
#include "curves.h"
#include "experts.h"
#include "matrices.h"

struct Norm {
    const float *gain, *bias;  // gain null: vectors stay as they are; bias null: the mean stays
};

struct Layer {
    Matrix query, key, value, output, gate, up, down, router;  // gate.rows is 0 where nothing is gated
    Norm before_attention, before_feedforward, after_attention, after_feedforward;
    Norm queries, keys, all_queries, all_keys;  // of each head alone, and of all heads together
    const Expert* experts;    // null: the layer has but the one feed-forward
    const float* correction;  // of the choice of experts, or null
    int32_t window, rotation;  // tokens that may be seen, 0: all; which of the model's rotations it turns by
};

struct Rotation {
    const float* rates;  // (turned / 2) radians a token, null: no layer turns by it
    float factor;
};

struct Model {
    int32_t depth, width, heads, kv_heads, head_width, hidden, vocabulary, turned, curve;
    int32_t parallel;  // 1: both halves of a layer read the same vector
    float eps, scale, embedding_scale, attention_cap, logit_cap;
    Rotation rotations[2];
    Routing routing;
    const float* positions;      // (places, width), null: none are learned
    Matrix table, head;
    Norm last;
    const Layer* layers;
};

inline void normalise(const Norm& norm, const float* x, int width, float eps, float* out) {
    float mean = 0;
    if (norm.bias) {
        for (int i = 0; i < width; i++) mean += x[i];
        mean /= width;
    }
    Floats squares{};
    int at = 0;
    for (; at + LANES <= width; at += LANES) {
        Floats v = load<Floats>(x + at) - mean;
        squares += v * v;
    }
    float total = sum(squares);
    for (; at < width; at++) total += (x[at] - mean) * (x[at] - mean);
    const float stretch = 1 / std::sqrt(total / width + eps);
    for (int i = 0; i < width; i++) out[i] = (x[i] - mean) * stretch * norm.gain[i] + (norm.bias ? norm.bias[i] : 0);
}

// Pair i is (i, i + half): turned by its angle.
inline void turn(float* x, const float* cosines, const float* sines, int half) {
    for (int i = 0; i < half; i++) {
        const float left = x[i], right = x[i + half];
        x[i] = left * cosines[i] - right * sines[i];
        x[i + half] = right * cosines[i] + left * sines[i];
    }
}
