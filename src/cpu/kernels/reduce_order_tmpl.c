/* src/cpu/kernels/reduce_order_tmpl.c - maximum and minimum of rows and columns: see reduce.h. bool is u8. */
/* hr-dtypes: u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 bf16 c64 */
#include "cpu/kernels/elem.h"

typedef hr_accum acc_t;

static inline acc_t load(const hr_elem *p) { return hr_elem_load(p); }

#include "cpu/kernels/reduce_body.h"

#if HR_ELEM_IS_COMPLEX
static inline acc_t c64(float re, float im) {
  union {
    float parts[2];
    acc_t z;
  } u = {{re, im}};
  return u.z;
}
#endif

#if HR_ELEM_IS_COMPLEX
#define LOWEST  c64(-__builtin_inff(), -__builtin_inff())
#define HIGHEST c64(__builtin_inff(), __builtin_inff())
static inline int less(acc_t a, acc_t b) {
  return crealf(a) < crealf(b) || (crealf(a) == crealf(b) && cimagf(a) < cimagf(b));
}
/* The first NaN stays. */
static inline acc_t max_join(acc_t a, acc_t b) { return a != a || (less(b, a) && b == b) ? a : b; }
static inline acc_t min_join(acc_t a, acc_t b) { return a != a || (less(a, b) && b == b) ? a : b; }
#elif HR_ELEM_IS_FLOAT
#define LOWEST  ((acc_t)-__builtin_inff())
#define HIGHEST ((acc_t)__builtin_inff())
static inline acc_t max_join(acc_t a, acc_t b) { return ((a > b) | (a != a)) ? a : b; }
static inline acc_t min_join(acc_t a, acc_t b) { return ((a < b) | (a != a)) ? a : b; }
#else
#if HR_ELEM_IS_SIGNED
#define LOWEST  ((acc_t)((uint64_t)1 << (8 * sizeof(acc_t) - 1)))
#define HIGHEST ((acc_t)(((uint64_t)1 << (8 * sizeof(acc_t) - 1)) - 1))
#else
#define LOWEST  ((acc_t)0)
#define HIGHEST ((acc_t) ~(acc_t)0)
#endif
static inline acc_t max_join(acc_t a, acc_t b) { return a > b ? a : b; }
static inline acc_t min_join(acc_t a, acc_t b) { return a < b ? a : b; }
#endif

REDUCE_KERNEL(max, LOWEST, LOWEST)
REDUCE_KERNEL(min, HIGHEST, HIGHEST)

/* b wins over an earlier a. */
#if HR_ELEM_IS_COMPLEX
static inline int max_wins(acc_t a, acc_t b) { return a == a && (b != b || less(a, b)); }
static inline int min_wins(acc_t a, acc_t b) { return a == a && (b != b || less(b, a)); }
#elif HR_ELEM_IS_FLOAT
static inline int max_wins(acc_t a, acc_t b) { return (a == a) & ((b > a) | (b != b)); }
static inline int min_wins(acc_t a, acc_t b) { return (a == a) & ((b < a) | (b != b)); }
#else
static inline int max_wins(acc_t a, acc_t b) { return b > a; }
static inline int min_wins(acc_t a, acc_t b) { return b < a; }
#endif

#if HR_ELEM_IS_FLOAT || HR_ELEM_IS_COMPLEX
static inline int same(acc_t a, acc_t b) { return (a == b) | ((a != a) & (b != b)); }
#else
static inline int same(acc_t a, acc_t b) { return a == b; }
#endif

static int64_t find(const void *x, int64_t n, const void *value) {
  const hr_elem *elem = x;
  acc_t wanted = *(const acc_t *)value;
  int64_t i = 0;
  for (; i + LANES <= n; i += LANES) {
    int found = 0;
    for (int k = 0; k < LANES; k++) found |= same(load(elem + i + k), wanted);
    if (found) break;
  }
  while (i < n && !same(load(elem + i), wanted)) i++;
  return i;
}

typedef int wins_fn(acc_t a, acc_t b);

INLINE void take_row(acc_t *restrict best, uint32_t *restrict index, const hr_elem *restrict x, uint32_t row, int64_t n,
                     wins_fn *wins) {
  for (int64_t j = 0; j < n; j++) {
    acc_t value = load(x + j);
    int win = wins(best[j], value);
    best[j] = win ? value : best[j];
    index[j] = win ? row : index[j];
  }
}

#define ARG_KERNEL(kind)                                                                            \
  static int kind##_arg_wins(const void *a, const void *b) {                                        \
    return kind##_wins(*(const acc_t *)a, *(const acc_t *)b);                                       \
  }                                                                                                 \
  static void kind##_arg_row(void *best, uint32_t *index, const void *x, uint32_t row, int64_t n) { \
    take_row(best, index, x, row, n, kind##_wins);                                                  \
  }

ARG_KERNEL(max)
ARG_KERNEL(min)

const hr_reduce_pair HR_NAME(hr_reduce_order) = {
    .first = REDUCE_ENTRY(max),
    .second = REDUCE_ENTRY(min),
    .first_arg = {.find = find, .wins = max_arg_wins, .row = max_arg_row},
    .second_arg = {.find = find, .wins = min_arg_wins, .row = min_arg_row},
};
