/* Packed codes and scales to floats. */
#include "cpu/kernels/elem.h"
#include "cpu/kernels/quant.h"
#include "cpu/kernels/quant_value.h"

/* Up to 4 bits: eight codes are shifted out of one word each. */
HR_INLINE void narrow(float *to, const uint8_t *from, int64_t count, int bits) {
  for (int64_t i = 0; i < count; i += 8, from += bits) {
    uint32_t word = 0;
    memcpy(&word, from, (size_t)bits);
    for (int k = 0; k < 8; k++) to[i + k] = (float)(int32_t)(word >> bits * k & ((1u << bits) - 1));
  }
}
/* 5 and 6 bits: two words of four codes. */
HR_INLINE void wide(float *to, const uint8_t *from, int64_t count, int bits) {
  for (int64_t i = 0; i < count; i += 8, from += bits) {
    uint64_t word = 0;
    memcpy(&word, from, (size_t)bits);
    uint32_t low = (uint32_t)word, high = (uint32_t)(word >> 4 * bits);
    for (int k = 0; k < 4; k++) to[i + k] = (float)(int32_t)(low >> bits * k & ((1u << bits) - 1));
    for (int k = 0; k < 4; k++) to[i + 4 + k] = (float)(int32_t)(high >> bits * k & ((1u << bits) - 1));
  }
}

static void uint1(float *to, const uint8_t *from, int64_t count) { narrow(to, from, count, 1); }
static void uint2(float *to, const uint8_t *from, int64_t count) { narrow(to, from, count, 2); }
static void uint3(float *to, const uint8_t *from, int64_t count) { narrow(to, from, count, 3); }
static void uint4(float *to, const uint8_t *from, int64_t count) { narrow(to, from, count, 4); }
static void uint5(float *to, const uint8_t *from, int64_t count) { wide(to, from, count, 5); }
static void uint6(float *to, const uint8_t *from, int64_t count) { wide(to, from, count, 6); }
static void uint8(float *to, const uint8_t *from, int64_t count) {
  for (int64_t i = 0; i < count; i++) to[i] = (float)from[i];
}

/* Twice the size is 0, 1, 2, 3, 4, 6, 8 or 12: a nibble each. */
static void e2m1(float *to, const uint8_t *from, int64_t count) {
  for (int64_t i = 0; i < count; i += 8, from += 4) {
    uint32_t word;
    memcpy(&word, from, 4);
    for (int k = 0; k < 8; k++) {
      uint32_t code = word >> 4 * k & 15, twice = 0xc8643210u >> 4 * (code & 7) & 15;
      to[i + k] = hr_f32_bits(hr_bits_f32((float)(int32_t)twice * 0.5f) | (code & 8) << 28);
    }
  }
}
static void e4m3(float *to, const uint8_t *from, int64_t count) {
  for (int64_t i = 0; i < count; i++) to[i] = hr_e4m3_value(from[i]);
}

static void scales_f32(float *to, const void *from, int64_t count) { memcpy(to, from, (size_t)count * sizeof(float)); }
static void scales_f16(float *to, const void *from, int64_t count) {
  for (int64_t i = 0; i < count; i++) to[i] = hr_f16_load(((const uint16_t *)from)[i]);
}
static void scales_bf16(float *to, const void *from, int64_t count) {
  for (int64_t i = 0; i < count; i++) to[i] = hr_bf16_load(((const uint16_t *)from)[i]);
}
static void scales_e8m0(float *to, const void *from, int64_t count) {
  for (int64_t i = 0; i < count; i++) to[i] = hr_e8m0_value(((const uint8_t *)from)[i]);
}
static void scales_e4m3(float *to, const void *from, int64_t count) { e4m3(to, from, count); }

const hr_unpack_kernels HR_NAME(hr_unpack) = {.codes = {[HR_CODE_UINT1] = uint1,
                                                        [HR_CODE_UINT2] = uint2,
                                                        [HR_CODE_UINT3] = uint3,
                                                        [HR_CODE_UINT4] = uint4,
                                                        [HR_CODE_UINT5] = uint5,
                                                        [HR_CODE_UINT6] = uint6,
                                                        [HR_CODE_UINT8] = uint8,
                                                        [HR_CODE_E2M1] = e2m1,
                                                        [HR_CODE_E4M3] = e4m3},
                                              .scales = {[HR_SCALE_F32] = scales_f32,
                                                         [HR_SCALE_F16] = scales_f16,
                                                         [HR_SCALE_BF16] = scales_bf16,
                                                         [HR_SCALE_E8M0] = scales_e8m0,
                                                         [HR_SCALE_E4M3] = scales_e4m3}};
