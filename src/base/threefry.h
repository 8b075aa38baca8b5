/* src/base/threefry.h - the counter-based generator behind all random numbers: Threefry-2x32 with 20 rounds. Salmon,
 * Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011. */
#ifndef HR_BASE_THREEFRY_H
#define HR_BASE_THREEFRY_H

#include <stdint.h>

static inline uint32_t hr_rotl32(uint32_t x, int by) { return x << by | x >> (32 - by); }

static inline void hr_threefry_rounds(uint32_t *x0, uint32_t *x1, int r0, int r1, int r2, int r3) {
  *x0 += *x1, *x1 = hr_rotl32(*x1, r0) ^ *x0;
  *x0 += *x1, *x1 = hr_rotl32(*x1, r1) ^ *x0;
  *x0 += *x1, *x1 = hr_rotl32(*x1, r2) ^ *x0;
  *x0 += *x1, *x1 = hr_rotl32(*x1, r3) ^ *x0;
}

/* Encrypts the counter (*x0, *x1) in place. */
static inline void hr_threefry(uint32_t k0, uint32_t k1, uint32_t *x0, uint32_t *x1) {
  uint32_t k2 = k0 ^ k1 ^ 0x1bd11bdau, a = *x0 + k0, b = *x1 + k1;
  hr_threefry_rounds(&a, &b, 13, 15, 26, 6);
  a += k1, b += k2 + 1;
  hr_threefry_rounds(&a, &b, 17, 29, 16, 24);
  a += k2, b += k0 + 2;
  hr_threefry_rounds(&a, &b, 13, 15, 26, 6);
  a += k0, b += k1 + 3;
  hr_threefry_rounds(&a, &b, 17, 29, 16, 24);
  a += k1, b += k2 + 4;
  hr_threefry_rounds(&a, &b, 13, 15, 26, 6);
  *x0 = a + k2, *x1 = b + k0 + 5;
}

#endif
