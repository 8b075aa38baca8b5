/* src/cpu/sort_keys.c - see sort_keys.h. */
#include "cpu/sort_keys.h"

#include <string.h>

#include "cpu/isa.h"

typedef const hr_key_kernels *const kernel_row[HR_ISA_COUNT];

#define TABLE(name)                     \
  HR_ISA_DECLARE(hr_key_kernels, name); \
  static kernel_row row_##name = HR_ISA_ROW(name)

TABLE(hr_keys_u8);
TABLE(hr_keys_u16);
TABLE(hr_keys_u32);
TABLE(hr_keys_u64);
TABLE(hr_keys_i8);
TABLE(hr_keys_i16);
TABLE(hr_keys_i32);
TABLE(hr_keys_i64);
TABLE(hr_keys_f16);
TABLE(hr_keys_f32);
TABLE(hr_keys_f64);
TABLE(hr_keys_bf16);

static kernel_row *const tables[HR_DTYPE_COUNT] = {
    [HR_BOOL] = &row_hr_keys_u8,       [HR_UINT8] = &row_hr_keys_u8,    [HR_UINT16] = &row_hr_keys_u16,
    [HR_UINT32] = &row_hr_keys_u32,    [HR_UINT64] = &row_hr_keys_u64,  [HR_INT8] = &row_hr_keys_i8,
    [HR_INT16] = &row_hr_keys_i16,     [HR_INT32] = &row_hr_keys_i32,   [HR_INT64] = &row_hr_keys_i64,
    [HR_FLOAT16] = &row_hr_keys_f16,   [HR_FLOAT32] = &row_hr_keys_f32, [HR_FLOAT64] = &row_hr_keys_f64,
    [HR_BFLOAT16] = &row_hr_keys_bf16,
};

void hr_sort_format_set(hr_sort_format *out, hr_dtype dtype, bool places) {
  int bytes = hr_dtype_bytes[dtype];
  out->kernels = dtype == HR_COMPLEX64 ? NULL : (*tables[dtype])[hr_isa_level()];
  out->places = places || dtype == HR_COMPLEX64;
  out->elem_bytes = bytes;
  out->item_bytes = bytes < 8 ? 4 : 8;
  if (out->places) out->item_bytes *= 2;
}

/* A float32 as a key, -0 and +0 alike. */
static uint64_t part_key(uint32_t bits) {
  uint32_t size = bits & 0x7fffffffu;
  if (size > 0x7f800000u) return UINT32_MAX;
  return size == 0 || !(bits >> 31) ? size | 0x80000000u : ~bits;
}

static uint64_t complex_key(const char *p) {
  uint32_t parts[2];
  memcpy(parts, p, sizeof parts);
  uint64_t real = part_key(parts[0]), imag = part_key(parts[1]);
  return real == UINT32_MAX || imag == UINT32_MAX ? UINT64_MAX : real << 32 | imag;
}

void hr_sort_load(const hr_sort_format *format, void *items, const char *from, int64_t stride, int64_t place,
                  int64_t count) {
  hr_sort_pair *pairs = items;
  if (format->kernels && format->places)
    format->kernels->load_places(items, from, stride, place, count);
  else if (format->kernels)
    format->kernels->load(items, from, stride, count);
  else
    for (int64_t i = 0; i < count; i++)
      pairs[i] = (hr_sort_pair){complex_key(from + i * stride), (uint64_t)(place + i)};
}

static int64_t place_of(const hr_sort_format *format, const void *items, int64_t i) {
  if (format->item_bytes == 16) return (int64_t)((const hr_sort_pair *)items)[i].place;
  return (int64_t)(uint32_t)((const uint64_t *)items)[i];
}

void hr_sort_store(const hr_sort_format *format, char *out, int64_t out_stride, const void *items, int64_t count,
                   const char *row, int64_t stride) {
  if (!format->places)
    format->kernels->store(out, out_stride, items, count);
  else /* keys do not tell -0 from +0, or one NaN from another */
    for (int64_t i = 0; i < count; i++)
      memcpy(out + i * out_stride, row + place_of(format, items, i) * stride, (size_t)format->elem_bytes);
}

void hr_sort_store_places(const hr_sort_format *format, char *out, int64_t out_stride, const void *items,
                          int64_t count) {
  const uint64_t *words = items;
  if (format->item_bytes == 8 && out_stride == sizeof(uint32_t))
    for (int64_t i = 0; i < count; i++) memcpy(out + i * 4, &words[i], 4);
  else
    for (int64_t i = 0; i < count; i++) {
      uint32_t place = (uint32_t)place_of(format, items, i);
      memcpy(out + i * out_stride, &place, sizeof place);
    }
}
