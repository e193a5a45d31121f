// Kinds of numbers, and as many of them side by side as one register of this processor holds.
// Weights come as f32, bf16 or f16 and are widened to f32 when they are read; nothing is reckoned in less.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#if defined(__AVX512F__) && defined(__AVX512BW__)
constexpr int LANES = 16;
#elif defined(__AVX2__)
constexpr int LANES = 8;
#else
constexpr int LANES = 4;
#endif

typedef float Floats __attribute__((vector_size(4 * LANES)));
typedef int32_t Ints __attribute__((vector_size(4 * LANES)));
typedef uint32_t Words __attribute__((vector_size(4 * LANES)));
typedef int16_t Shorts __attribute__((vector_size(4 * LANES)));
typedef uint16_t Halves __attribute__((vector_size(2 * LANES)));
typedef int8_t Bytes __attribute__((vector_size(LANES)));

struct Bf16 { uint16_t bits; };
struct F16 { uint16_t bits; };

// Memory seen as a vector, wherever it begins; and bits seen as another kind.
template <class Vector> inline Vector load(const void* place) { Vector v; memcpy(&v, place, sizeof v); return v; }
template <class Vector> inline void store(void* place, const Vector& v) { memcpy(place, &v, sizeof v); }
template <class To, class From> inline To same_bits(const From& from) {
    static_assert(sizeof(To) == sizeof(From), "bits are neither added nor lost");
    To to; memcpy(&to, &from, sizeof to); return to;
}

// The first `count` numbers of a vector, where memory ends before the vector does.
inline Floats load_some(const float* place, int count) {
    if (count >= LANES) return load<Floats>(place);
    float some[LANES] = {};
    memcpy(some, place, 4 * count);
    return load<Floats>(some);
}
inline void store_some(float* place, const Floats& v, int count) {
    if (count >= LANES) return store(place, v);
    float some[LANES];
    store(some, v);
    memcpy(place, some, 4 * count);
}

inline Floats all(float number) { return number - Floats{}; }

// bf16 is the upper half of an f32.
inline Floats wide(const float* at) { return load<Floats>(at); }
inline Floats wide(const Bf16* at) {
#if defined(__AVX512F__) && defined(__AVX512BW__)
    Words words = (Words)_mm512_cvtepu16_epi32(load<__m256i>(at));  // GCC would put it together from two halves
#elif defined(__AVX2__)
    Words words = (Words)_mm256_cvtepu16_epi32(load<__m128i>(at));
#else
    Words words = __builtin_convertvector(load<Halves>(at), Words);
#endif
    return same_bits<Floats>(words << 16);
}
inline float wide_one(float number) { return number; }
inline float wide_one(Bf16 number) { return same_bits<float>((uint32_t)number.bits << 16); }

// f16 has five bits of exponent around 15, f32 eight around 127: a product with 2^112 bridges the difference, also for
// numbers so small that they have no leading one.
inline float wide_one(F16 number) {
    uint32_t magnitude = (uint32_t)(number.bits & 0x7fff) << 13, sign = (uint32_t)(number.bits & 0x8000) << 16;
    return same_bits<float>(same_bits<uint32_t>(same_bits<float>(magnitude) * 0x1p112f) | sign);
}
inline Floats wide(const F16* at) {
#if defined(__AVX512F__) && defined(__AVX512BW__)
    return (Floats)_mm512_cvtph_ps(load<__m256i>(at));
#elif defined(__AVX2__) && defined(__F16C__)
    return (Floats)_mm256_cvtph_ps(load<__m128i>(at));
#elif defined(__aarch64__)
    return (Floats)vcvt_f32_f16(load<float16x4_t>(at));
#else
    Words bits = __builtin_convertvector(load<Halves>(at), Words);
    Floats magnitude = same_bits<Floats>((bits & 0x7fff) << 13) * 0x1p112f;
    return same_bits<Floats>(same_bits<Words>(magnitude) | (bits & 0x8000) << 16);
#endif
}

// Back, to the nearest, and of two equally near to the even one.
inline void narrow(float number, float& out) { out = number; }
inline void narrow(float number, Bf16& out) {
    uint32_t bits = same_bits<uint32_t>(number);
    out.bits = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}
inline void narrow(float number, F16& out) {
    uint32_t sign = same_bits<uint32_t>(number) >> 16 & 0x8000;
    float magnitude = std::fmin(std::fabs(number), 65504.0f) * 0x1p-112f;
    uint32_t bits = same_bits<uint32_t>(magnitude);
    out.bits = (bits + 0xfff + (bits >> 13 & 1)) >> 13 | sign;
}

// The sum of all lanes, halves upon halves: always in the same order.
inline float sum(Floats v) {
#if defined(__AVX512F__) && defined(__AVX512BW__)
    return _mm512_reduce_add_ps((__m512)v);
#else
    float lane[LANES];
    store(lane, v);
    for (int half = LANES / 2; half; half /= 2)
        for (int i = 0; i < half; i++) lane[i] += lane[i + half];
    return lane[0];
#endif
}

inline float largest(Floats v) {
#if defined(__AVX512F__) && defined(__AVX512BW__)
    return _mm512_reduce_max_ps((__m512)v);
#else
    float lane[LANES];
    store(lane, v);
    for (int half = LANES / 2; half; half /= 2)
        for (int i = 0; i < half; i++) lane[i] = std::fmax(lane[i], lane[i + half]);
    return lane[0];
#endif
}

// Adding and taking away 1.5 * 2^23 leaves a whole number: the nearest, and of two equally near the even one.
inline Floats rounded(Floats x) { return (x + 12582912.0f) - 12582912.0f; }
inline Floats larger(Floats a, Floats b) { return a > b ? a : b; }
inline Floats smaller(Floats a, Floats b) { return a < b ? a : b; }

// e^x = 2^n * e^r with a whole n and |r| <= ln(2) / 2, where eight terms of the series are exact to the last bit or two.
inline Floats exponential(Floats x) {
    x = larger(smaller(x, all(88.0f)), all(-87.0f));
    Floats n = rounded(x * 1.44269504f);
    Floats r = x - n * 0.693359375f;  // ln 2 in two parts, the first of them so short that the product is exact
    r = r + n * 2.12194440e-4f;
    Floats series = all(1.0f / 5040);
    for (float term : {1.0f / 720, 1.0f / 120, 1.0f / 24, 1.0f / 6, 1.0f / 2, 1.0f, 1.0f}) series = series * r + term;
    return series * same_bits<Floats>((__builtin_convertvector(n, Ints) + 127) << 23);
}
