/* src/cpu/fp8.c - conversions of 8-bit floats E4M3 (ops/fp8.h). */
#include <math.h>
#include <string.h>

#include "cpu/elementwise.h"
#include "ops/op_list.h"

/* From 2^-6 on numbers are normal; below, they are multiples of 2^-9. Both are rounded by the default mode. */
static uint8_t encode(float x) {
  float size = fabsf(x);
  uint8_t sign = signbit(x) ? 0x80 : 0;
  if (!(size < 448)) return (x == x ? sign : 0) | 0x7e;
  if (size < 0x1p-6f) return sign | (uint8_t)rintf(size * 0x1p9f);
  uint32_t bits;
  memcpy(&bits, &size, sizeof bits);
  bits += 0x7ffff + (bits >> 20 & 1); /* to nearest even at 3 bits of mantissa */
  return sign | (uint8_t)((bits >> 20) - (120u << 3));
}

static float decode(uint8_t code) {
  int exponent = code >> 3 & 15, mantissa = code & 7;
  float size = exponent ? ldexpf((float)(8 + mantissa), exponent - 10) : ldexpf((float)mantissa, -9);
  if ((code & 0x7f) == 0x7f) size = NAN;
  return code & 0x80 ? -size : size;
}

static void encode_run(void *out, const void *const *in, int64_t n, unsigned scalars) {
  (void)scalars;
  for (int64_t i = 0; i < n; i++) ((uint8_t *)out)[i] = encode(((const float *)in[0])[i]);
}

static void decode_run(void *out, const void *const *in, int64_t n, unsigned scalars) {
  (void)scalars;
  for (int64_t i = 0; i < n; i++) ((float *)out)[i] = decode(((const uint8_t *)in[0])[i]);
}

static hr_status run_pass(const hr_run *run, hr_kernel kernel, hr_dtype compute, hr_dtype result) {
  hr_pass pass;
  hr_status status = hr_run_output(run, 0);
  if (status != HR_OK) return status;
  hr_pass_init(&pass, kernel, compute, result, run->out[0], run->in, 1);
  hr_pass_run(&pass, run->out[0], run->in);
  return HR_OK;
}

hr_status hr_cpu_to_fp8(const hr_run *run) { return run_pass(run, encode_run, HR_FLOAT32, HR_UINT8); }
hr_status hr_cpu_from_fp8(const hr_run *run) { return run_pass(run, decode_run, HR_UINT8, HR_FLOAT32); }
