/* src/cpu/kernels/rope_tmpl.c - see rope.h. */
/* hr-dtypes: f16 f32 f64 bf16 */
#include "cpu/kernels/rope.h"

#include "cpu/kernels/elem.h"

static void table(void *rows, const double *base, const double *steps, int64_t count, int64_t half) {
  hr_accum *out = rows;
  const double *cosine = base, *sine = base + half;
  for (int64_t r = 0; r < count; r++, out += 2 * half, steps += 2 * half)
    for (int64_t i = 0; i < half; i++) {
      out[i] = (hr_accum)(cosine[i] * steps[i] - sine[i] * steps[half + i]);
      out[half + i] = (hr_accum)(sine[i] * steps[i] + cosine[i] * steps[half + i]);
    }
}

/* The same products for both kinds of pairs, so that they have the same bits. */
HR_INLINE void turn_pair(hr_elem *to_a, hr_elem *to_b, hr_accum a, hr_accum b, hr_accum cosine, hr_accum sine) {
  hr_elem_store(to_a, a * cosine - b * sine);
  hr_elem_store(to_b, a * sine + b * cosine);
}

static void turn_halves(hr_elem *out, const hr_elem *x, const hr_accum *cosine, const hr_accum *sine, int64_t half) {
  HR_VECTOR_LOOP for (int64_t i = 0; i < half; i++)
      turn_pair(out + i, out + half + i, hr_elem_load(x + i), hr_elem_load(x + half + i), cosine[i], sine[i]);
}

static void turn_neighbours(hr_elem *out, const hr_elem *x, const hr_accum *cosine, const hr_accum *sine,
                            int64_t half) {
  HR_VECTOR_LOOP for (int64_t i = 0; i < half; i++)
      turn_pair(out + 2 * i, out + 2 * i + 1, hr_elem_load(x + 2 * i), hr_elem_load(x + 2 * i + 1), cosine[i], sine[i]);
}

static void turn(void *out, const void *x, int64_t out_stride, int64_t x_stride, int64_t count, int64_t n,
                 const void *table, int64_t half, int traditional) {
  const hr_accum *row = table;
  for (int64_t r = 0; r < count; r++, row += 2 * half) {
    hr_elem *to = (hr_elem *)((char *)out + r * out_stride);
    const hr_elem *from = (const hr_elem *)((const char *)x + r * x_stride);
    if (traditional)
      turn_neighbours(to, from, row, row + half, half);
    else
      turn_halves(to, from, row, row + half, half);
    if (to != from && n > 2 * half) memcpy(to + 2 * half, from + 2 * half, (size_t)(n - 2 * half) * sizeof *to);
  }
}

const hr_rope_kernels HR_NAME(hr_rope) = {.table = table, .turn = turn};
