// How keys and values lie in a cache: as floating-point numbers, or as whole ones from -127 to 127, each vector of a token
// and a head with the number that stretches it (groundup/generation/int8_pages.py is the readable version).
#pragma once
#include "numbers.h"
#include <algorithm>

inline float wide_one(int8_t number) { return number; }
inline Floats wide(const int8_t* at) {
#if defined(__AVX512F__) && defined(__AVX512BW__)
    return (Floats)_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(load<__m128i>(at)));
#elif defined(__AVX2__)
    return (Floats)_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i*)at)));
#else
    return __builtin_convertvector(load<Bytes>(at), Floats);
#endif
}

// A new vector (width) is put into the cache.
template <class Number> inline void put(const float* x, int width, Number* out, float*) {
    for (int i = 0; i < width; i++) narrow(x[i], out[i]);
}
inline void put(const float* x, int width, int8_t* out, float* stretch) {
    float most = 0;
    for (int i = 0; i < width; i++) most = std::max(most, std::fabs(x[i]));
    *stretch = most / 127;
    const Floats divisor = all(std::max(*stretch, 1e-30f));
    for (int at = 0; at < width; at += LANES) {
        const Floats whole = rounded(load_some(x + at, width - at) / divisor);
        const Bytes bytes = __builtin_convertvector(__builtin_convertvector(whole, Ints), Bytes);
        memcpy(out + at, &bytes, std::min(LANES, width - at));
    }
}

// shares (count) *= what stretches the vectors that they are shares of.
template <class Number> inline void stretch_all(const float*, float*, int) {}
template <> inline void stretch_all<int8_t>(const float* stretches, float* shares, int count) {
    for (int i = 0; i < count; i++) shares[i] *= stretches[i];
}
