/* Updates combined with what is there. */
/* hr-dtypes: bool u8 u16 u32 u64 i8 i16 i32 i64 f16 bf16 f32 f64 c64 */
#include "cpu/kernels/elem.h"
#include "cpu/kernels/index.h"

static inline hr_accum set(hr_accum old, hr_accum new) {
  (void)old;
  return new;
}
#if HR_ELEM_IS_BOOL
static inline hr_accum add(hr_accum old, hr_accum new) { return old | new; }
static inline hr_accum prod(hr_accum old, hr_accum new) { return old & new; }
#elif HR_ELEM_IS_INTEGER
/* Through unsigned numbers: overflow wraps. The product of two 16-bit numbers must not overflow int. */
static inline hr_accum add(hr_accum old, hr_accum new) { return (hr_accum)((uint64_t)old + (uint64_t) new); }
static inline hr_accum prod(hr_accum old, hr_accum new) { return (hr_accum)((uint64_t)old * (uint64_t) new); }
#else
static inline hr_accum add(hr_accum old, hr_accum new) { return old + new; }
static inline hr_accum prod(hr_accum old, hr_accum new) { return old * new; }
#endif
#if HR_ELEM_IS_FLOAT
static inline hr_accum larger(hr_accum old, hr_accum new) { return old >= new || old != old ? old : new; }
static inline hr_accum smaller(hr_accum old, hr_accum new) { return old <= new || old != old ? old : new; }
#elif HR_ELEM_IS_COMPLEX
/* By real, then imaginary part, as MLX compares them: the new one stays where there is a NaN to compare. */
static inline int is_less(hr_accum a, hr_accum b) {
  return crealf(a) < crealf(b) || (crealf(a) == crealf(b) && cimagf(a) < cimagf(b));
}
static inline hr_accum larger(hr_accum old, hr_accum new) { return is_less(new, old) ? old : new; }
static inline hr_accum smaller(hr_accum old, hr_accum new) { return is_less(old, new) ? old : new; }
#else
static inline hr_accum larger(hr_accum old, hr_accum new) { return old >= new ? old : new; }
static inline hr_accum smaller(hr_accum old, hr_accum new) { return old <= new ? old : new; }
#endif

typedef hr_accum (*combine_fn)(hr_accum, hr_accum);

static inline __attribute__((always_inline)) void all_rows(void *to, const void *from, int64_t count,
                                                           combine_fn combine) {
  hr_elem *out = to;
  const hr_elem *in = from;
  for (int64_t i = 0; i < count; i++) hr_elem_store(out + i, combine(hr_elem_load(out + i), hr_elem_load(in + i)));
}

static inline __attribute__((always_inline)) void all_points(void *to, const int64_t *places, const void *from,
                                                             int64_t count, combine_fn combine) {
  hr_elem *out = to;
  const hr_elem *in = from;
  for (int64_t i = 0; i < count; i++) {
    hr_elem *at = out + places[i];
    hr_elem_store(at, combine(hr_elem_load(at), hr_elem_load(in + i)));
  }
}

#define MODES(X) X(set) X(add) X(prod) X(larger) X(smaller)

#define X(mode)                                                                                           \
  static void rows_##mode(void *to, const void *from, int64_t count) { all_rows(to, from, count, mode); } \
  static void points_##mode(void *to, const int64_t *places, const void *from, int64_t count) {           \
    all_points(to, places, from, count, mode);                                                            \
  }
MODES(X)
#undef X

#define ROWS(mode)   rows_##mode,
#define POINTS(mode) points_##mode,
const hr_scatter_kernels HR_NAME(hr_scatter) = {.rows = {MODES(ROWS)}, .points = {MODES(POINTS)}};
