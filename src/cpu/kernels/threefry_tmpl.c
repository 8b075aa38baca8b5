/* Raw random words. */
#include <string.h>

#include "cpu/kernels/elem.h"
#include "cpu/kernels/threefry.h"

static void bits(const hr_random_fill *fill, int64_t first, int64_t end) {
  uint32_t low[HR_THREEFRY_TILE], high[HR_THREEFRY_TILE], *out = fill->out;
  int64_t half = hr_random_pairs(fill->count);
  for (int64_t p = first; p < end; p += HR_THREEFRY_TILE) {
    int64_t n = end - p < HR_THREEFRY_TILE ? end - p : HR_THREEFRY_TILE;
    int64_t above = half + p + n > fill->count ? n - 1 : n;
    hr_threefry_tile(fill, p, n, low, high);
    memcpy(out + p, low, (size_t)n * sizeof *out);
    memcpy(out + half + p, high, (size_t)above * sizeof *out);
  }
}

const hr_threefry_kernels HR_NAME(hr_threefry) = {.bits = bits};
