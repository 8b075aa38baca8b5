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

const hr_reduce_pair HR_NAME(hr_reduce_order) = {.first = REDUCE_ENTRY(max), .second = REDUCE_ENTRY(min)};
