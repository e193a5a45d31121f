// Where a new token looks at those before it: their keys and values lie in pages of 32 tokens, anywhere in memory.
// One call serves one text and one key head, with all queries that share it: the new key and value are put into the cache,
// then each query meets every key that it may see and takes a share of its value.
#pragma once
#include "cached.h"
#include "curves.h"
#include <algorithm>
#include <vector>

constexpr int PAGE = 32;

// One layer's part of the cache as one text sees it: keys and values (pages, kv heads, 32, width), what stretches whole
// numbers (pages, kv heads, 32), and which page holds tokens 32 i to 32 i + 31 of the text.
template <class Number> struct Pages {
    Number *keys, *values;
    float *key_stretches, *value_stretches;
    const int32_t* table;
    int kv_heads, width;

    size_t page(int number, int head) const { return ((size_t)table[number] * kv_heads + head) * PAGE; }  // its first token
};

struct Look {
    int head, queries;      // the key head, and how many queries share it
    int position, from;     // of the new token, and of the first token that it may see
    float scale, cap;       // factor on scores, and what they are kept below; 0: they may be as large as they are
};

template <class Number> inline float product(const float* a, const Number* b, int width) {
    Floats total{};
    int at = 0;
    for (; at + LANES <= width; at += LANES) total += load<Floats>(a + at) * wide(b + at);
    float rest = 0;
    for (; at < width; at++) rest += a[at] * wide_one(b[at]);
    return sum(total) + rest;
}

#if defined(__AVX512F__) && defined(__AVX512BW__)
// Two vectors, each of regions of 2 * HALF lanes: the first half of a region becomes what the region of `a` adds up to in
// halves, the second what that of `b` does.
template <int HALF> inline Floats halves(Floats a, Floats b) {
    Ints low, high;
    for (int lane = 0; lane < LANES; lane++) {
        const int begin = lane / (2 * HALF) * 2 * HALF, at = lane % HALF, other = lane % (2 * HALF) < HALF ? 0 : LANES;
        low[lane] = other + begin + at;
        high[lane] = low[lane] + HALF;
    }
    return (Floats)_mm512_permutex2var_ps((__m512)a, (__m512i)low, (__m512)b) +
           (Floats)_mm512_permutex2var_ps((__m512)a, (__m512i)high, (__m512)b);
}

// The sums of LANES vectors side by side, each added up in the same order as by `sum`.
inline Floats sums(Floats (&v)[LANES]) {
    for (int i = 0; i < 8; i++) v[i] = halves<8>(v[i], v[i + 8]);
    for (int i = 0; i < 4; i++) v[i] = halves<4>(v[i], v[i + 4]);
    for (int i = 0; i < 2; i++) v[i] = halves<2>(v[i], v[i + 2]);
    return halves<1>(v[0], v[1]);
}
#else
inline Floats sums(Floats (&v)[LANES]) {
    Floats found;
    for (int i = 0; i < LANES; i++) found[i] = sum(v[i]);
    return found;
}
#endif

// out (count) = scale * the products of a query (width) and `count` keys that lie side by side.
template <class Number> inline void products(const float* query, const Number* keys, int count, int width, float scale, float* out) {
    int token = 0;
    for (; width % LANES == 0 && token + LANES <= count; token += LANES) {
        Floats totals[LANES] = {};
        for (int at = 0; at < width; at += LANES) {
            const Floats asked = load<Floats>(query + at);
#pragma GCC unroll 16
            for (int i = 0; i < LANES; i++) totals[i] += asked * wide(keys + (token + i) * width + at);
        }
        store(out + token, scale * sums(totals));
    }
    for (; token < count; token++) out[token] = scale * product(query, keys + token * width, width);
}

// out (PARTS vectors) += share * values, for the tokens of one page.
template <int PARTS, class Number> inline void gather_parts(const float* shares, const Number* values, int tokens, int width, float* out) {
    Floats totals[PARTS];
    for (int part = 0; part < PARTS; part++) totals[part] = load<Floats>(out + part * LANES);
    for (int token = 0; token < tokens; token++)
        for (int part = 0; part < PARTS; part++) totals[part] += shares[token] * wide(values + token * width + part * LANES);
    for (int part = 0; part < PARTS; part++) store(out + part * LANES, totals[part]);
}

template <class Number>
inline void gather(const float* shares, const Number* values, int tokens, int width, float* out) {
    int at = 0;
    for (; at + 4 * LANES <= width; at += 4 * LANES) gather_parts<4>(shares, values + at, tokens, width, out + at);
    for (; at + LANES <= width; at += LANES) gather_parts<1>(shares, values + at, tokens, width, out + at);
    for (; at < width; at++)
        for (int token = 0; token < tokens; token++) out[at] += shares[token] * wide_one(values[token * width + at]);
}

// Scores (count) become shares that add up to one; room behind them up to a whole vector is written over.
inline void to_shares(float* scores, int count) {
    float most = *std::max_element(scores, scores + count), total = 0;
    for (int at = 0; at < count; at += LANES) store(scores + at, exponential(load<Floats>(scores + at) - most));
    for (int at = 0; at < count; at++) total += scores[at];
    for (int at = 0; at < count; at++) scores[at] /= total;
}

// queries (queries, width), key and value (width), all turned and normed -> out (queries, width).
template <class Number>
void attend(const Pages<Number>& pages, const Look& look, const float* queries, const float* key, const float* value,
            float* out, std::vector<float>& room) {
    const int width = pages.width;
    const size_t place = pages.page(look.position / PAGE, look.head) + look.position % PAGE;
    put(key, width, pages.keys + place * width, pages.key_stretches + place);
    put(value, width, pages.values + place * width, pages.value_stretches + place);
    const int first = look.from / PAGE, pages_seen = look.position / PAGE - first + 1, stride = pages_seen * PAGE + LANES;
    if (room.size() < (size_t)look.queries * stride) room.resize((size_t)look.queries * stride);
    for (int page = 0; page < pages_seen; page++) {
        const size_t start = pages.page(first + page, look.head);
        const Number* keys = pages.keys + start * width;
        const int begin = std::max(0, look.from - (first + page) * PAGE);
        const int end = std::min(PAGE, look.position + 1 - (first + page) * PAGE);
        for (int query = 0; query < look.queries; query++) {
            float* scores = &room[query * stride + page * PAGE + begin];
            products(queries + query * width, keys + begin * width, end - begin, width, look.scale, scores);
            stretch_all<Number>(pages.key_stretches + start + begin, scores, end - begin);
        }
    }
    const int hidden = look.from - first * PAGE;  // tokens of the first page that are too far away
    for (int query = 0; query < look.queries; query++) {
        float *scores = room.data() + query * stride, *gathered = out + query * width;
        if (look.cap) keep_below(look.cap, scores + hidden, look.position + 1 - look.from);
        to_shares(scores + hidden, look.position + 1 - look.from);
        std::fill(gathered, gathered + width, 0.0f);
        for (int page = 0; page < pages_seen; page++) {
            const int begin = page ? 0 : hidden, end = std::min(PAGE, look.position + 1 - (first + page) * PAGE);
            const size_t start = pages.page(first + page, look.head) + begin;
            stretch_all<Number>(pages.value_stretches + start, scores + page * PAGE + begin, end - begin);
            gather(scores + page * PAGE + begin, pages.values + start * width, end - begin, width, gathered);
        }
    }
}
