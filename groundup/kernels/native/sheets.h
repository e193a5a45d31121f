// Vectors of many tokens as they lie while prompts are read: tokens side by side, two registers of them, number under number.
// So whatever is done with a vector is done with 2 * LANES of them at once, and nothing is ever added up across lanes.
#pragma once
#include "many.h"
#include "parts.h"
#include <new>

// Memory that begins on a line of the cache: a register or tile that lies across two lines is loaded at half the speed.
template <class Number> struct OnLines {
    typedef Number value_type;
    OnLines() = default;
    template <class Other> OnLines(const OnLines<Other>&) {}
    Number* allocate(size_t count) { return (Number*)operator new(count * sizeof(Number), std::align_val_t(64)); }
    void deallocate(Number* place, size_t) { operator delete(place, std::align_val_t(64)); }
    template <class Other> bool operator==(const OnLines<Other>&) const { return true; }
    template <class Other> bool operator!=(const OnLines<Other>&) const { return false; }
};
typedef std::vector<float, OnLines<float>> Aligned;

// Vectors of `rows` numbers, in blocks of ABREAST tokens: (blocks, rows, ABREAST).
struct Sheet {
    Aligned numbers;
    int rows = 0;

    void resize(int blocks, int wanted) {
        rows = wanted;
        numbers.resize((size_t)blocks * rows * ABREAST);
    }
    float* block(int number) { return numbers.data() + (size_t)number * rows * ABREAST; }
};

// One number of each of ABREAST tokens.
struct Line {
    Floats left, right;
};
inline Line line(const float* place) { return {load<Floats>(place), load<Floats>(place + LANES)}; }
inline void keep(float* place, const Line& line) { store(place, line.left), store(place + LANES, line.right); }

// sums (ROWS, ABREAST) += a (ROWS, steps) times b (steps, ABREAST); a's numbers lie as far from each other as its strides say.
template <int ROWS>
inline void add_outer(const float* a, size_t row_stride, size_t step_stride, const float* b, int steps, Line (&sums)[ROWS]) {
    for (int step = 0; step < steps; step++) {
        const Line x = line(b + (size_t)step * ABREAST);
#pragma GCC unroll 8
        for (int row = 0; row < ROWS; row++) {
            const float number = a[row * row_stride + step * step_stride];
            sums[row].left += x.left * number;
            sums[row].right += x.right * number;
        }
    }
}
constexpr int OUTER = LANES == 16 ? 8 : 4;  // rows whose sums fit into registers

// Vectors (width, ABREAST) brought to one length, each by itself.
inline void normalise_abreast(const Norm& norm, const float* x, int width, float eps, float* out) {
    Line mean{}, squares{};
    if (norm.bias) {
        for (int i = 0; i < width; i++) mean.left += line(x + i * ABREAST).left, mean.right += line(x + i * ABREAST).right;
        mean.left /= (float)width, mean.right /= (float)width;
    }
    for (int i = 0; i < width; i++) {
        const Line here = line(x + i * ABREAST);
        squares.left += (here.left - mean.left) * (here.left - mean.left);
        squares.right += (here.right - mean.right) * (here.right - mean.right);
    }
    float stretch[ABREAST];
    keep(stretch, squares);
    for (float& each : stretch) each = 1 / std::sqrt(each / width + eps);
    const Line to = line(stretch);
    for (int i = 0; i < width; i++) {
        const Line here = line(x + i * ABREAST);
        const float gain = norm.gain[i], bias = norm.bias ? norm.bias[i] : 0;
        keep(out + i * ABREAST, {(here.left - mean.left) * to.left * gain + bias, (here.right - mean.right) * to.right * gain + bias});
    }
}

// Pair i is (i, i + half), turned by the angle of each token: cosines and sines (half, ABREAST).
inline void turn_abreast(float* x, const float* cosines, const float* sines, int half) {
    for (int i = 0; i < half * ABREAST; i += LANES) {
        const Floats left = load<Floats>(x + i), right = load<Floats>(x + half * ABREAST + i);
        const Floats cosine = load<Floats>(cosines + i), sine = load<Floats>(sines + i);
        store(x + i, left * cosine - right * sine);
        store(x + half * ABREAST + i, right * cosine + left * sine);
    }
}
