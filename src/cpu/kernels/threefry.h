/* src/cpu/kernels/threefry.h - how the counters of base/threefry.h become an array of random words.
 *
 * A fill of n words has half = (n + 1) / 2 pairs. Pair p encrypts the counter (p, half + p) under the key and gives
 * words p and half + p; when n is odd the last pair's counter is (half - 1, 0) and its second word is dropped. So a
 * word depends on the key, n and its place alone: any cut of the pairs over threads gives the same bits, and they are
 * those of MLX. Counters are 32 bits wide: beyond 2^33 words they repeat. */
#ifndef HR_CPU_KERNELS_THREEFRY_H
#define HR_CPU_KERNELS_THREEFRY_H

#include "base/threefry.h"

typedef struct hr_random_fill {
  uint32_t key[2];
  int64_t count; /* words */
  void *out;     /* count elements of the kernel's dtype */
  /* uniform: x * scale + shift for x in [0, 1); normal: the same for a standard normal divided by sqrt(2). */
  float scale, shift;
} hr_random_fill;

/* Pairs [first, end) of a fill. */
typedef void (*hr_random_fn)(const hr_random_fill *fill, int64_t first, int64_t end);

typedef struct hr_threefry_kernels {
  hr_random_fn bits;
} hr_threefry_kernels;

/* One table a dtype: f32, f16, bf16. Half types round after each step, as MLX does. */
typedef struct hr_random_kernels {
  hr_random_fn uniform, normal;
} hr_random_kernels;

static inline int64_t hr_random_pairs(int64_t count) { return count / 2 + count % 2; }

enum { HR_THREEFRY_TILE = 128 }; /* pairs made at a time: 1 KiB, so the words stay in L1 until they are converted */

/* Words of pairs [first, first + n), n <= HR_THREEFRY_TILE. Whole tiles have a fixed length, for the vectoriser. */
static inline void hr_threefry_tile(const hr_random_fill *fill, int64_t first, int64_t n, uint32_t *low,
                                    uint32_t *high) {
  uint32_t k0 = fill->key[0], k1 = fill->key[1];
  int64_t half = hr_random_pairs(fill->count);
  uint32_t c0 = (uint32_t)first, c1 = (uint32_t)(half + first);
  for (uint32_t i = 0; i < HR_THREEFRY_TILE; i++) {
    uint32_t a = c0 + i, b = c1 + i;
    hr_threefry(k0, k1, &a, &b);
    low[i] = a, high[i] = b;
  }
  if (fill->count % 2 == 0 || first + n != half) return;
  low[n - 1] = (uint32_t)(half - 1), high[n - 1] = 0;
  hr_threefry(k0, k1, &low[n - 1], &high[n - 1]);
}

#endif
