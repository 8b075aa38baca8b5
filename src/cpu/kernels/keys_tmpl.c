/* src/cpu/kernels/keys_tmpl.c - see keys.h. */
/* hr-dtypes: u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 bf16 */
#include "cpu/kernels/keys.h"

#include <stdbool.h>

#include "cpu/kernels/elem.h"
#include "cpu/tuning.h"

#if HR_ELEM_CODE == HR_CODE_u8 || HR_ELEM_CODE == HR_CODE_i8
typedef uint8_t bits;
#elif HR_ELEM_CODE == HR_CODE_u16 || HR_ELEM_CODE == HR_CODE_i16 || HR_ELEM_IS_HALF
typedef uint16_t bits;
#elif HR_ELEM_CODE == HR_CODE_u32 || HR_ELEM_CODE == HR_CODE_i32 || HR_ELEM_CODE == HR_CODE_f32
typedef uint32_t bits;
#else
#define WIDE 1
typedef uint64_t bits;
#endif
#ifdef WIDE
typedef uint64_t item;
#else
typedef uint32_t item;
#endif

enum { RUN = 256 /* elements whose lines are fetched ahead together */ };

#define BYTES ((int64_t)sizeof(bits))
#define TOP   ((bits)((bits)1 << (8 * sizeof(bits) - 1)))
#if HR_ELEM_CODE == HR_CODE_f16
#define INFINITE 0x7c00u
#elif HR_ELEM_CODE == HR_CODE_bf16
#define INFINITE 0x7f80u
#elif HR_ELEM_CODE == HR_CODE_f32
#define INFINITE 0x7f800000u
#else
#define INFINITE ((uint64_t)0x7ff << 52)
#endif

/* With places -0 becomes +0. */
HR_INLINE bits key_of(bits x, bool places) {
#if HR_ELEM_IS_FLOAT
  bits size = x & (bits)(TOP - 1), key = x & TOP ? (bits)~x : (bits)(x | TOP);
  if (places) key = size ? key : TOP;
  return size > INFINITE ? (bits)-1 : key;
#else
  (void)places;
  return HR_ELEM_IS_SIGNED ? x ^ TOP : x;
#endif
}

HR_INLINE bits bits_of(bits key) {
#if HR_ELEM_IS_FLOAT
  return key & TOP ? key ^ TOP : (bits)~key;
#else
  return HR_ELEM_IS_SIGNED ? key ^ TOP : key;
#endif
}

HR_INLINE bits load_bits(const char *p) {
  bits x;
  memcpy(&x, p, sizeof x);
  return x;
}

HR_INLINE void load_by(void *items, const char *row, int64_t stride, int64_t count) {
  item *to = items;
  HR_VECTOR_LOOP
  for (int64_t i = 0; i < count; i++) to[i] = key_of(load_bits(row + i * stride), false);
}

HR_INLINE void load_places_by(void *items, const char *row, int64_t stride, int64_t place, int64_t count) {
#ifdef WIDE
  hr_sort_pair *to = items;
  for (int64_t i = 0; i < count; i++)
    to[i] = (hr_sort_pair){key_of(load_bits(row + i * stride), true), (uint64_t)(place + i)};
#else
  uint64_t *to = items;
  HR_VECTOR_LOOP
  for (int64_t i = 0; i < count; i++)
    to[i] = (uint64_t)key_of(load_bits(row + i * stride), true) << 32 | (uint32_t)(place + i);
#endif
}

HR_INLINE void store_by(char *out, int64_t stride, const void *items, int64_t count) {
  const item *from = items;
  HR_VECTOR_LOOP
  for (int64_t i = 0; i < count; i++) {
    bits x = bits_of((bits)from[i]);
    memcpy(out + i * stride, &x, sizeof x);
  }
}

/* Without gaps the stride is a constant, and the loops become vector code; long rows are fetched ahead. */
static void load(void *items, const char *row, int64_t stride, int64_t count) {
  item *to = items;
  int64_t i = 0;
  if (stride != BYTES) {
    load_by(items, row, stride, count);
    return;
  }
  for (; i + RUN <= count; i += RUN) {
    for (int64_t line = 0; line < RUN * BYTES; line += 64) __builtin_prefetch(row + i * BYTES + HR_AHEAD_BYTES + line);
    load_by(to + i, row + i * BYTES, BYTES, RUN);
  }
  load_by(to + i, row + i * BYTES, BYTES, count - i);
}

static void load_places(void *items, const char *row, int64_t stride, int64_t place, int64_t count) {
  if (stride == BYTES)
    load_places_by(items, row, BYTES, place, count);
  else
    load_places_by(items, row, stride, place, count);
}

static void store(char *out, int64_t stride, const void *items, int64_t count) {
  if (stride == BYTES)
    store_by(out, BYTES, items, count);
  else
    store_by(out, stride, items, count);
}

#if HR_ISA_LEVEL == 2
#include "cpu/kernels/split_body.h"
#else
#define SPLITS                   \
  {                              \
    {NULL, NULL}, { NULL, NULL } \
  }
#endif

const hr_key_kernels HR_NAME(hr_keys) = {load, load_places, store, SPLITS};
