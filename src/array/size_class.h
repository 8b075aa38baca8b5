/* src/array/size_class.h - sizes that blocks of array data come in: eight a doubling, so at most an eighth of a block
 * is waste. Class 0 is SIZE_CLASS_MIN bytes; powers of two from there on are classes themselves. */
#ifndef HR_ARRAY_SIZE_CLASS_H
#define HR_ARRAY_SIZE_CLASS_H

#include <stddef.h>
#include <stdint.h>

enum { HR_SIZE_CLASS_MIN_LOG2 = 9, HR_SIZE_CLASS_MAX_LOG2 = 47 };
enum { HR_SIZE_CLASS_COUNT = (HR_SIZE_CLASS_MAX_LOG2 - HR_SIZE_CLASS_MIN_LOG2) * 8 + 1 };

static inline int hr_log2_floor(uint64_t x) { /* x > 0 */
#if defined(__GNUC__)
  return 63 - __builtin_clzll(x);
#else
  int log2 = 0;
  while (x >>= 1) log2++;
  return log2;
#endif
}

/* The smallest class of at least `bytes`, which is at most 2^HR_SIZE_CLASS_MAX_LOG2. */
static inline int hr_size_class(size_t bytes) {
  if (bytes <= (size_t)1 << HR_SIZE_CLASS_MIN_LOG2) return 0;
  int e = hr_log2_floor(bytes - 1);
  return (e - HR_SIZE_CLASS_MIN_LOG2) * 8 + (int)((bytes - 1) >> (e - 3) & 7) + 1;
}

static inline size_t hr_size_class_bytes(int class) {
  int doubling = class / 8, step = class % 8;
  return (size_t)(8 + step) << (doubling + HR_SIZE_CLASS_MIN_LOG2 - 3);
}

#endif
