/* src/io/bytes.h - numbers in files: little-endian and unaligned. */
#ifndef HR_IO_BYTES_H
#define HR_IO_BYTES_H

#include <stdint.h>
#include <string.h>

#define HR_BIG_ENDIAN_HOST (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)

static inline uint16_t hr_get_u16(const void *at) {
  const uint8_t *b = at;
  return (uint16_t)(b[0] | b[1] << 8);
}
static inline uint32_t hr_get_u32(const void *at) {
  return hr_get_u16(at) | (uint32_t)hr_get_u16((const uint8_t *)at + 2) << 16;
}
static inline uint64_t hr_get_u64(const void *at) {
  return hr_get_u32(at) | (uint64_t)hr_get_u32((const uint8_t *)at + 4) << 32;
}

static inline void hr_put_u16(void *at, uint16_t value) {
  uint8_t *b = at;
  b[0] = (uint8_t)value, b[1] = (uint8_t)(value >> 8);
}
static inline void hr_put_u32(void *at, uint32_t value) {
  hr_put_u16(at, (uint16_t)value), hr_put_u16((uint8_t *)at + 2, (uint16_t)(value >> 16));
}
static inline void hr_put_u64(void *at, uint64_t value) {
  hr_put_u32(at, (uint32_t)value), hr_put_u32((uint8_t *)at + 4, (uint32_t)(value >> 32));
}

#endif
