/* src/cpu/kernels/reduce_sum_tmpl.c - sums and products of rows and columns: see reduce.h. Signed and unsigned integers
 * of 32 and 64 bits, and bool and u8, have the same bits as sums, and share tables. */
/* hr-dtypes: u8 u16 u32 u64 i8 i16 f16 f32 f64 bf16 c64 */
#include "cpu/kernels/elem.h"

#if HR_ELEM_IS_INTEGER && HR_ELEM_CODE != HR_CODE_u64
typedef uint32_t acc_t;
#else
typedef hr_accum acc_t;
#endif

static inline acc_t load(const hr_elem *p) { return (acc_t)hr_elem_load(p); }

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

/* x + (-0.0) is x for every x, also for -0.0. */
#if HR_ELEM_IS_COMPLEX
#define SUM_START c64(-0.0f, -0.0f)
#elif HR_ELEM_IS_FLOAT
#define SUM_START ((acc_t)-0.0)
#else
#define SUM_START 0
#endif

static inline acc_t sum_join(acc_t a, acc_t b) { return a + b; }

static inline acc_t prod_join(acc_t a, acc_t b) {
#if HR_ELEM_IS_COMPLEX
  /* The textbook product: C's operator calls a function that mends infinities. */
  return c64(crealf(a) * crealf(b) - cimagf(a) * cimagf(b), crealf(a) * cimagf(b) + cimagf(a) * crealf(b));
#else
  return a * b;
#endif
}

REDUCE_KERNEL(sum, SUM_START, 0)
REDUCE_KERNEL(prod, 1, 1)

const hr_reduce_pair HR_NAME(hr_reduce_sum) = {.first = REDUCE_ENTRY(sum), .second = REDUCE_ENTRY(prod)};
