/* src/cpu/kernels/hadamard_tmpl.c - see hadamard.h. */
/* hr-dtypes: f16 f32 f64 bf16 */
#include "cpu/kernels/hadamard.h"

#include "cpu/kernels/elem.h"

enum { BASE = 16, TILE = 32 };

static void load(void *values, const void *x, int64_t stride, int64_t n) {
  hr_accum *to = values;
  if (stride == (int64_t)sizeof(hr_elem)) {
    for (int64_t i = 0; i < n; i++) to[i] = hr_elem_load((const hr_elem *)x + i);
  } else {
    for (int64_t i = 0; i < n; i++) to[i] = hr_elem_load((const hr_elem *)((const char *)x + i * stride));
  }
}

HR_INLINE void butterflies(hr_accum *a, hr_accum *b, int64_t n) {
  HR_VECTOR_LOOP for (int64_t i = 0; i < n; i++) {
    hr_accum sum = a[i] + b[i], difference = a[i] - b[i];
    a[i] = sum;
    b[i] = difference;
  }
}

/* Of BASE values as a product with the matrix, whose sign at (r, c) is that of the parity of r & c: a vector takes part
 * as a whole, where butterflies would have to move its lanes. */
HR_INLINE void base_transform(hr_accum *x) {
  hr_accum sums[BASE] = {0};
  for (int c = 0; c < BASE; c++)
    for (int r = 0; r < BASE; r++) sums[r] += (__builtin_parity((unsigned)(r & c)) ? -1 : 1) * x[c];
  memcpy(x, sums, sizeof sums);
}

static void low(void *values, int64_t n) {
  hr_accum *x = values;
  for (int64_t h = 1; n < BASE && h < n; h *= 2)
    for (int64_t at = 0; at < n; at += 2 * h) butterflies(x + at, x + at + h, h);
  for (int64_t at = 0; n >= BASE && at < n; at += BASE) base_transform(x + at);
  for (int64_t h = BASE; h < n; h *= 2)
    for (int64_t at = 0; at < n; at += 2 * h) butterflies(x + at, x + at + h, h);
}

static void high(void *values, int64_t step, int64_t rows, int64_t columns) {
  hr_accum *x = values;
  for (int64_t h = 1; h < rows; h *= 2)
    for (int64_t r = 0; r < rows; r++)
      if (!(r & h)) butterflies(x + r * step, x + (r + h) * step, columns);
}

static void mix(void *values, int64_t step, int64_t columns, const uint32_t *signs, int m) {
  hr_accum old[HR_HADAMARD_LARGEST][TILE] = {{0}};
  for (int64_t at = 0; at < columns; at += TILE) {
    hr_accum *x = (hr_accum *)values + at;
    int64_t count = columns - at < TILE ? columns - at : TILE;
    for (int c = 0; c < m; c++)
      for (int64_t k = 0; k < count; k++) old[c][k] = x[c * step + k];
    for (int r = 0; r < m; r++) {
      hr_accum sums[TILE] = {0};
      for (int c = 0; c < m; c++) {
        hr_accum sign = signs[r] >> c & 1 ? -1 : 1;
        for (int k = 0; k < TILE; k++) sums[k] += sign * old[c][k];
      }
      for (int64_t k = 0; k < count; k++) x[r * step + k] = sums[k];
    }
  }
}

static void store(void *out, const void *values, double scale, int64_t n) {
  const hr_accum *x = values;
  hr_accum factor = (hr_accum)scale;
  HR_VECTOR_LOOP for (int64_t i = 0; i < n; i++) hr_elem_store((hr_elem *)out + i, x[i] * factor);
}

const hr_hadamard_kernel HR_NAME(hr_hadamard) = {
    .accum_bytes = sizeof(hr_accum), .load = load, .low = low, .high = high, .mix = mix, .store = store};
