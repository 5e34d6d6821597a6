#pragma once

#include <cmath>
#include <cstddef>
#ifdef __AVX2__
#include <immintrin.h>
#endif

namespace facet {

/**
 * Inner products of one vector with N queries (`[N, d]`), reading it once. Each comes out the same whatever N is: its
 * sum is always taken in the same order, with AVX2 and without.
 */
template <int N>
inline void innerProductsOf(const float *vector, const float *queries, size_t d, float *products)
{
  size_t j = 0;
#ifdef __AVX2__
  __m256 sums[N];
  for (int q = 0; q < N; q++)
  {
    sums[q] = _mm256_setzero_ps();
  }
  for (; j + 8 <= d; j += 8)
  {
    const __m256 part = _mm256_loadu_ps(vector + j);
    for (int q = 0; q < N; q++)
    {
      sums[q] = _mm256_fmadd_ps(part, _mm256_loadu_ps(queries + q * d + j), sums[q]);
    }
  }
#else
  float sums[N][8] = {};
  for (; j + 8 <= d; j += 8)
  {
    for (int q = 0; q < N; q++)
    {
      for (size_t i = 0; i < 8; i++)
      {
        sums[q][i] = std::fma(vector[j + i], queries[q * d + j + i], sums[q][i]);
      }
    }
  }
#endif
  for (int q = 0; q < N; q++)
  {
#ifdef __AVX2__
    __m128 half = _mm_add_ps(_mm256_castps256_ps128(sums[q]), _mm256_extractf128_ps(sums[q], 1));
    half = _mm_add_ps(half, _mm_movehl_ps(half, half));
    float sum = _mm_cvtss_f32(_mm_add_ss(half, _mm_movehdup_ps(half)));
#else
    const float *s = sums[q];
    float sum = ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
#endif
    for (size_t i = j; i < d; i++)
    {
      sum = std::fma(vector[i], queries[q * d + i], sum);
    }
    products[q] = sum;
  }
}

/** The same for any number of queries. */
inline void innerProducts(const float *vector, const float *queries, size_t count, size_t d, float *products)
{
  size_t q = 0;
  for (; q + 4 <= count; q += 4)
  {
    innerProductsOf<4>(vector, queries + q * d, d, products + q);
  }
  switch (count - q)
  {
  case 3:
    return innerProductsOf<3>(vector, queries + q * d, d, products + q);
  case 2:
    return innerProductsOf<2>(vector, queries + q * d, d, products + q);
  case 1:
    return innerProductsOf<1>(vector, queries + q * d, d, products + q);
  }
}

/** Asks for a vector's memory before it is needed. */
inline void prefetch(const void *start, size_t bytes)
{
  for (size_t offset = 0; offset < bytes; offset += 64)
  {
    __builtin_prefetch(static_cast<const char *>(start) + offset);
  }
}

} // namespace facet
