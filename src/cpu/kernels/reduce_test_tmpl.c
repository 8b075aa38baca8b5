/* src/cpu/kernels/reduce_test_tmpl.c - whether all or any elements of rows and columns are not zero: see reduce.h. Only
 * bits count: f16 stands for both half types, u8 for bool, unsigned for signed integers. */
/* hr-dtypes: u8 u16 u32 u64 f16 f32 f64 c64 */
#include "cpu/kernels/elem.h"

typedef uint8_t acc_t;

static inline acc_t load(const hr_elem *p) {
#if HR_ELEM_IS_HALF
  return (*p & 0x7fffu) != 0;
#elif HR_ELEM_IS_COMPLEX
  return (crealf(*p) != 0) | (cimagf(*p) != 0);
#else
  return *p != 0;
#endif
}

#include "cpu/kernels/reduce_body.h"

static inline acc_t all_join(acc_t a, acc_t b) { return a & b; }
static inline acc_t any_join(acc_t a, acc_t b) { return a | b; }

REDUCE_KERNEL(all, 1, 1)
REDUCE_KERNEL(any, 0, 0)

const hr_reduce_pair HR_NAME(hr_reduce_test) = {.first = REDUCE_ENTRY(all), .second = REDUCE_ENTRY(any)};
