/* Indices made non-negative and checked. */
/* hr-dtypes: u8 u16 u32 u64 i8 i16 i32 i64 */
#include "cpu/kernels/index.h"

#include "cpu/kernels/elem.h"

/* The place, or one of [length, 2^64) that fails the comparison with any limit. */
static inline uint64_t place_of(hr_elem index, int64_t length) {
#if HR_ELEM_IS_SIGNED
  int64_t wide = index;
  return (uint64_t)(wide < 0 ? wide + length : wide);
#else
  (void)length;
  return (uint64_t)index;
#endif
}

static int64_t first_bad(const hr_elem *indices, int64_t count, int64_t length, int64_t limit) {
  for (int64_t i = 0; i < count; i++)
    if (place_of(indices[i], length) >= (uint64_t)limit) return i;
  return -1;
}

static int64_t resolve(int64_t *places, const void *indices, int64_t count, int64_t length, int64_t limit) {
  const hr_elem *in = indices;
  uint64_t bad = 0;
  for (int64_t i = 0; i < count; i++) {
    uint64_t place = place_of(in[i], length), out = place >= (uint64_t)limit;
    bad |= out;
    places[i] = out ? 0 : (int64_t)place;
  }
  return bad ? first_bad(in, count, length, limit) : -1;
}

/* Negative ones are greater than any limit as unsigned numbers are compared. */
static int are_below(const hr_elem *indices, int64_t count, int64_t limit) {
  uint64_t beyond = 0;
  for (int64_t i = 0; i < count; i++) beyond |= place_of(indices[i], 0) >= (uint64_t)limit;
  return !beyond;
}

static int pick(void *out, const void *from, const void *indices, int64_t count, int64_t limit, int64_t bytes) {
  const hr_elem *in = indices;
  const char *items = from;
  char *to = out;
  if (!are_below(in, count, limit)) return 0;
  if (bytes == 4) {
    for (int64_t i = 0; i < count; i++) memcpy(to + 4 * i, items + 4 * (int64_t)in[i], 4);
  } else {
    for (int64_t i = 0; i < count; i++) memcpy(to + 8 * i, items + 8 * (int64_t)in[i], 8);
  }
  return 1;
}

const hr_index_kernels HR_NAME(hr_index) = {.resolve = resolve, .pick = pick};
