/* src/cpu/sort_keys.c - see sort_keys.h. */
#include "cpu/sort_keys.h"

#include <string.h>

#define INLINE static inline __attribute__((always_inline))

void hr_sort_format_set(hr_sort_format *out, hr_dtype dtype, bool places) {
  int bytes = hr_dtype_bytes[dtype];
  bool pair = bytes == 8 && (places || dtype == HR_COMPLEX64);
  out->dtype = dtype;
  out->places = places || dtype == HR_COMPLEX64;
  out->elem_bytes = bytes;
  out->item_bytes = pair ? (int)sizeof(hr_sort_pair) : out->places ? 8 : bytes;
  out->key_shift = out->places && !pair ? 32 : 0;
  out->key_bits = 8 * bytes;
}

INLINE uint64_t load_bits(const char *p, int bytes) {
  uint64_t bits = 0;
  memcpy(&bits, p, (size_t)bytes); /* little endian; the other order is not built */
  return bits;
}

/* What the bits of an element mean. */
typedef enum meaning { UNSIGNED, SIGNED, FLOATING } meaning;

/* `infinity` is the bits of a float type's infinity; places: -0 becomes +0. */
INLINE uint64_t key_of(uint64_t bits, int bytes, meaning what, uint64_t infinity, bool places) {
  uint64_t top = (uint64_t)1 << (8 * bytes - 1), all = top | (top - 1);
  if (what == UNSIGNED) return bits;
  if (what == SIGNED) return bits ^ top;
  uint64_t size = bits & (top - 1);
  uint64_t key = bits & top ? all ^ bits : bits | top;
  if (places) key = size ? key : top;
  return size > infinity ? all : key;
}

INLINE uint64_t bits_of(uint64_t key, int bytes, meaning what) {
  uint64_t top = (uint64_t)1 << (8 * bytes - 1), all = top | (top - 1);
  if (what == UNSIGNED) return key;
  if (what == SIGNED) return key ^ top;
  return key & top ? key ^ top : all ^ key;
}

/* Both parts as float32 keys, -0 and +0 alike. */
INLINE uint64_t complex_key(uint64_t bits) {
  uint64_t real = key_of(bits & 0xffffffffu, 4, FLOATING, 0x7f800000u, true);
  uint64_t imag = key_of(bits >> 32, 4, FLOATING, 0x7f800000u, true);
  return real == 0xffffffffu || imag == 0xffffffffu ? UINT64_MAX : real << 32 | imag;
}

INLINE uint64_t load_all(void *items, const char *row, int64_t stride, int64_t first, int64_t end, int bytes,
                         meaning what, uint64_t infinity, bool places) {
  uint64_t zero = key_of(load_bits(row, bytes), bytes, what, infinity, places), differ = 0;
  for (int64_t i = first; i < end; i++) {
    uint64_t key = key_of(load_bits(row + i * stride, bytes), bytes, what, infinity, places);
    differ |= key ^ zero;
    if (!places)
      memcpy((char *)items + i * bytes, &key, (size_t)bytes);
    else if (bytes == 8)
      ((hr_sort_pair *)items)[i] = (hr_sort_pair){key, (uint64_t)i};
    else
      ((uint64_t *)items)[i] = key << 32 | (uint32_t)i;
  }
  return differ;
}

INLINE uint64_t load_either(const hr_sort_format *format, void *items, const char *row, int64_t stride, int64_t first,
                            int64_t end, int bytes, meaning what, uint64_t infinity) {
  if (format->places) return load_all(items, row, stride, first, end, bytes, what, infinity, true) << format->key_shift;
  if (stride == bytes) return load_all(items, row, bytes, first, end, bytes, what, infinity, false);
  return load_all(items, row, stride, first, end, bytes, what, infinity, false);
}

static uint64_t load_complex(hr_sort_pair *items, const char *row, int64_t stride, int64_t first, int64_t end) {
  uint64_t zero = complex_key(load_bits(row, 8)), differ = 0;
  for (int64_t i = first; i < end; i++) {
    items[i] = (hr_sort_pair){complex_key(load_bits(row + i * stride, 8)), (uint64_t)i};
    differ |= items[i].key ^ zero;
  }
  return differ;
}

uint64_t hr_sort_load(const hr_sort_format *format, void *items, const char *row, int64_t stride, int64_t first,
                      int64_t end) {
  switch (format->dtype) {
    case HR_BOOL:
    case HR_UINT8: return load_either(format, items, row, stride, first, end, 1, UNSIGNED, 0);
    case HR_UINT16: return load_either(format, items, row, stride, first, end, 2, UNSIGNED, 0);
    case HR_UINT32: return load_either(format, items, row, stride, first, end, 4, UNSIGNED, 0);
    case HR_UINT64: return load_either(format, items, row, stride, first, end, 8, UNSIGNED, 0);
    case HR_INT8: return load_either(format, items, row, stride, first, end, 1, SIGNED, 0);
    case HR_INT16: return load_either(format, items, row, stride, first, end, 2, SIGNED, 0);
    case HR_INT32: return load_either(format, items, row, stride, first, end, 4, SIGNED, 0);
    case HR_INT64: return load_either(format, items, row, stride, first, end, 8, SIGNED, 0);
    case HR_FLOAT16: return load_either(format, items, row, stride, first, end, 2, FLOATING, 0x7c00u);
    case HR_BFLOAT16: return load_either(format, items, row, stride, first, end, 2, FLOATING, 0x7f80u);
    case HR_FLOAT32: return load_either(format, items, row, stride, first, end, 4, FLOATING, 0x7f800000u);
    case HR_FLOAT64: return load_either(format, items, row, stride, first, end, 8, FLOATING, (uint64_t)0x7ff << 52);
    default: return load_complex(items, row, stride, first, end);
  }
}

INLINE void store_all(char *out, int64_t stride, const void *items, int64_t first, int64_t end, int bytes,
                      meaning what) {
  for (int64_t i = first; i < end; i++) {
    uint64_t bits = bits_of(load_bits((const char *)items + i * bytes, bytes), bytes, what);
    memcpy(out + i * stride, &bits, (size_t)bytes);
  }
}

INLINE void store_dtype(char *out, int64_t stride, const void *items, int64_t first, int64_t end, int bytes,
                        meaning what) {
  if (stride == bytes)
    store_all(out, bytes, items, first, end, bytes, what);
  else
    store_all(out, stride, items, first, end, bytes, what);
}

static int64_t place_of(const hr_sort_format *format, const void *items, int64_t i) {
  if (format->item_bytes == 16) return (int64_t)((const hr_sort_pair *)items)[i].place;
  return (int64_t)(uint32_t)((const uint64_t *)items)[i];
}

/* From the row itself: keys do not tell -0 from +0, or one NaN from another. */
static void store_from_row(const hr_sort_format *format, char *out, int64_t out_stride, const void *items,
                           const char *row, int64_t stride, int64_t first, int64_t end) {
  for (int64_t i = first; i < end; i++)
    memcpy(out + i * out_stride, row + place_of(format, items, i) * stride, (size_t)format->elem_bytes);
}

void hr_sort_store(const hr_sort_format *format, char *out, int64_t out_stride, const void *items, const char *row,
                   int64_t stride, int64_t first, int64_t end) {
  if (format->places) {
    store_from_row(format, out, out_stride, items, row, stride, first, end);
    return;
  }
  bool floating = hr_dtype_is_float(format->dtype);
  bool with_sign = hr_dtype_classes[format->dtype] == HR_CLASS_SIGNED;
  meaning what = floating ? FLOATING : with_sign ? SIGNED : UNSIGNED;
  switch (format->elem_bytes) {
    case 1: store_dtype(out, out_stride, items, first, end, 1, what); break;
    case 2: store_dtype(out, out_stride, items, first, end, 2, what); break;
    case 4: store_dtype(out, out_stride, items, first, end, 4, what); break;
    default: store_dtype(out, out_stride, items, first, end, 8, what); break;
  }
}

void hr_sort_store_places(const hr_sort_format *format, char *out, int64_t out_stride, const void *items, int64_t first,
                          int64_t end) {
  for (int64_t i = first; i < end; i++) {
    uint32_t place = (uint32_t)place_of(format, items, i);
    memcpy(out + i * out_stride, &place, sizeof place);
  }
}
