/* src/cpu/kernels/scan_tmpl.c - see scan.h. */
/* hr-dtypes: u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 bf16 c64 */
#include "cpu/kernels/scan.h"

#include "cpu/kernels/elem.h"

typedef hr_accum join_fn(hr_accum a, hr_accum b);

HR_INLINE void start_body(hr_accum *acc, int64_t n, hr_accum value) {
  for (int64_t i = 0; i < n; i++) acc[i] = value;
}

typedef enum mode { TOTAL, EXCLUSIVE, INCLUSIVE } mode; /* TOTAL: nothing is stored */

HR_INLINE hr_accum scan_one(hr_accum sum, char *out, const char *x, mode m, join_fn *join) {
  hr_accum next = join(sum, hr_elem_load((const hr_elem *)x));
  if (m != TOTAL) hr_elem_store((hr_elem *)out, m == INCLUSIVE ? next : sum);
  return next;
}

/* Where the next result goes. */
HR_INLINE char *moved(char *out, int64_t by, mode m) { return m == TOTAL ? NULL : out + by; }

/* Four rows side by side: what has been added up is needed for the next element, and takes several cycles to come. */
HR_INLINE void four_rows(hr_accum *acc, const hr_scan_rows *rows, char *out, const char *x, mode m, join_fn *join) {
  int64_t out_row = rows->out_row, out_stride = rows->out_stride;
  int64_t x_row = rows->x_row, x_stride = rows->x_stride;
  hr_accum a = acc[0], b = acc[1], c = acc[2], d = acc[3];
  for (int64_t i = rows->n; i > 0; i--, out = moved(out, out_stride, m), x += x_stride) {
    a = scan_one(a, out, x, m, join);
    b = scan_one(b, moved(out, out_row, m), x + x_row, m, join);
    c = scan_one(c, moved(out, 2 * out_row, m), x + 2 * x_row, m, join);
    d = scan_one(d, moved(out, 3 * out_row, m), x + 3 * x_row, m, join);
  }
  acc[0] = a, acc[1] = b, acc[2] = c, acc[3] = d;
}

HR_INLINE void one_row(hr_accum *acc, const hr_scan_rows *rows, char *out, const char *x, mode m, join_fn *join) {
  hr_accum sum = *acc;
  for (int64_t i = rows->n; i > 0; i--, out = moved(out, rows->out_stride, m), x += rows->x_stride)
    sum = scan_one(sum, out, x, m, join);
  *acc = sum;
}

HR_INLINE void rows_body(hr_accum *acc, const hr_scan_rows *rows, mode m, join_fn *join) {
  char *out = rows->out;
  const char *x = rows->x;
  int64_t left = rows->count;
  for (; left >= 4; left -= 4, acc += 4, out = moved(out, 4 * rows->out_row, m), x += 4 * rows->x_row)
    four_rows(acc, rows, out, x, m, join);
  for (; left > 0; left--, acc++, out = moved(out, rows->out_row, m), x += rows->x_row)
    one_row(acc, rows, out, x, m, join);
}

HR_INLINE void step_body(hr_accum *acc, hr_elem *out, const hr_elem *x, int64_t n, int inclusive, join_fn *join) {
  if (inclusive) {
    HR_VECTOR_LOOP for (int64_t i = 0; i < n; i++) {
      acc[i] = join(acc[i], hr_elem_load(x + i));
      hr_elem_store(out + i, acc[i]);
    }
  } else {
    HR_VECTOR_LOOP for (int64_t i = 0; i < n; i++) {
      hr_accum next = join(acc[i], hr_elem_load(x + i));
      hr_elem_store(out + i, acc[i]);
      acc[i] = next;
    }
  }
}

#define SCAN(kind, value)                                                                  \
  static void kind##_start(void *acc, int64_t n) { start_body(acc, n, value); }            \
  static void kind##_rows(void *acc, const hr_scan_rows *rows) {                           \
    if (!rows->out)                                                                        \
      rows_body(acc, rows, TOTAL, kind##_join);                                            \
    else if (rows->inclusive)                                                              \
      rows_body(acc, rows, INCLUSIVE, kind##_join);                                        \
    else                                                                                   \
      rows_body(acc, rows, EXCLUSIVE, kind##_join);                                        \
  }                                                                                        \
  static void kind##_more(void *acc, const void *more) {                                   \
    *(hr_accum *)acc = kind##_join(*(hr_accum *)acc, *(const hr_accum *)more);             \
  }                                                                                        \
  static void kind##_step(void *acc, void *out, const void *x, int64_t n, int inclusive) { \
    step_body(acc, out, x, n, inclusive, kind##_join);                                     \
  }
#define ENTRY(kind) \
  { .bytes = sizeof(hr_accum), .start = kind##_start, .rows = kind##_rows, .join = kind##_more, .step = kind##_step }

#if HR_ELEM_IS_COMPLEX
HR_INLINE hr_accum c64(float re, float im) {
  union {
    float parts[2];
    hr_accum z;
  } u = {{re, im}};
  return u.z;
}
HR_INLINE int less(hr_accum a, hr_accum b) {
  return crealf(a) < crealf(b) || (crealf(a) == crealf(b) && cimagf(a) < cimagf(b));
}
/* The textbook product: C's operator calls a function that mends infinities. */
HR_INLINE hr_accum prod_join(hr_accum a, hr_accum b) {
  return c64(crealf(a) * crealf(b) - cimagf(a) * cimagf(b), crealf(a) * cimagf(b) + cimagf(a) * crealf(b));
}
HR_INLINE hr_accum max_join(hr_accum a, hr_accum b) { return a != a || (less(b, a) && b == b) ? a : b; }
HR_INLINE hr_accum min_join(hr_accum a, hr_accum b) { return a != a || (less(a, b) && b == b) ? a : b; }
#define LOWEST  c64(-__builtin_inff(), -__builtin_inff())
#define HIGHEST c64(__builtin_inff(), __builtin_inff())
#elif HR_ELEM_IS_FLOAT
HR_INLINE hr_accum prod_join(hr_accum a, hr_accum b) { return a * b; }
HR_INLINE hr_accum max_join(hr_accum a, hr_accum b) { return ((a > b) | (a != a)) ? a : b; }
HR_INLINE hr_accum min_join(hr_accum a, hr_accum b) { return ((a < b) | (a != a)) ? a : b; }
#define LOWEST  ((hr_accum)-__builtin_inff())
#define HIGHEST ((hr_accum)__builtin_inff())
#else
HR_INLINE hr_accum max_join(hr_accum a, hr_accum b) { return a > b ? a : b; }
HR_INLINE hr_accum min_join(hr_accum a, hr_accum b) { return a < b ? a : b; }
#if HR_ELEM_IS_SIGNED
#define LOWEST  ((hr_accum)((uint64_t)1 << (8 * sizeof(hr_accum) - 1)))
#define HIGHEST ((hr_accum)(((uint64_t)1 << (8 * sizeof(hr_accum) - 1)) - 1))
#else
/* As numbers of 64 bits: those of 16 would be multiplied as int, which must not overflow. */
HR_INLINE hr_accum prod_join(hr_accum a, hr_accum b) { return (hr_accum)((uint64_t)a * (uint64_t)b); }
#define LOWEST  ((hr_accum)0)
#define HIGHEST ((hr_accum) ~(hr_accum)0)
#endif
#endif

/* Sums and products of signed integers are those of the unsigned tables. */
#if !HR_ELEM_IS_SIGNED
HR_INLINE hr_accum sum_join(hr_accum a, hr_accum b) { return (hr_accum)(a + b); }
SCAN(sum, 0)
SCAN(prod, 1)
#endif
SCAN(max, LOWEST)
SCAN(min, HIGHEST)

const hr_scan_kernels HR_NAME(hr_scan) = {
#if !HR_ELEM_IS_SIGNED
    .sum = ENTRY(sum),
    .prod = ENTRY(prod),
#endif
    .max = ENTRY(max),
    .min = ENTRY(min),
};
