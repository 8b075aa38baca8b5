/* Matrices to codes and scales, and the last step of the way back. What is rounded where was found by comparing with
 * MLX, bit by bit: affine divides by the scale before that is rounded to the dtype; the others round each quotient. */
/* hr-dtypes: f32 f16 bf16 */
#include "cpu/kernels/elem.h"
#include "cpu/kernels/quant.h"
#include "cpu/kernels/quant_value.h"

enum { LANES = 16 };

static float rounded(float x) {
  hr_elem to;
  hr_elem_store(&to, x);
  return hr_elem_load(&to);
}

static void widen(float *to, const hr_elem *from, int count) {
  for (int i = 0; i < count; i++) to[i] = hr_elem_load(from + i);
}

/* Eight codes a step. */
static void pack(uint8_t *to, const uint8_t *codes, int count, int bits) {
  for (int i = 0; i < count; i += 8, to += bits) {
    uint64_t word = 0;
    for (int k = 0; k < 8; k++) word |= (uint64_t)codes[i + k] << bits * k;
    for (int k = 0; k < bits; k++) to[k] = (uint8_t)(word >> 8 * k);
  }
}

/* --- affine --- */

/* NaN is passed over: without a number at all they are inf and -inf. */
static void extremes(float *least, float *greatest, const float *v, int count) {
  float low[LANES], high[LANES];
  for (int k = 0; k < LANES; k++) low[k] = INFINITY, high[k] = -INFINITY;
  for (int i = 0; i < count; i += LANES)
    for (int k = 0; k < LANES; k++) {
      low[k] = v[i + k] < low[k] ? v[i + k] : low[k];
      high[k] = v[i + k] > high[k] ? v[i + k] : high[k];
    }
  for (int k = 1; k < LANES; k++) {
    low[0] = low[k] < low[0] ? low[k] : low[0];
    high[0] = high[k] > high[0] ? high[k] : high[0];
  }
  *least = low[0], *greatest = high[0];
}

typedef struct line {
  float scale, bias;
} line;

/* A single bit: code 0 is the least element. Of zeros it is the first, with its sign. */
static line line_of_bit(const float *v, int count, float least, float greatest) {
  float scale = greatest - least;
  for (int i = 0; least == 0 && i < count; i++)
    if (v[i] == 0) {
      least = v[i];
      break;
    }
  return (line){scale < 1e-7f ? 1e-7f : scale, least};
}

/* The end that is further from 0 is the bias, and the scale leads away from it; it is stretched so that 0 has a
 * code. */
static line line_of(const float *v, int count, int bits) {
  float least, greatest;
  extremes(&least, &greatest, v, count);
  if (bits == 1) return line_of_bit(v, count, least, greatest);
  int from_least = fabsf(least) > fabsf(greatest);
  float scale = (greatest - least) / (float)((1 << bits) - 1), edge = from_least ? least : greatest;
  scale = scale < 1e-7f ? 1e-7f : scale;
  scale = from_least ? scale : -scale;
  float code = rintf(edge / scale);
  if (code == 0) return (line){scale, 0};
  return (line){edge / code, edge};
}

static void affine(uint8_t *codes, void *scales, void *biases, const void *w, int64_t groups, int group, int bits) {
  const hr_elem *from = w;
  float v[HR_QUANT_GROUP_MAX], top = (float)((1 << bits) - 1);
  uint8_t code[HR_QUANT_GROUP_MAX];
  for (int64_t g = 0; g < groups; g++, codes += group * bits / 8) {
    widen(v, from + g * group, group);
    line l = line_of(v, group, bits);
    for (int i = 0; i < group; i++) {
      float c = rintf((v[i] - l.bias) / l.scale);
      c = c > 0 ? c : 0; /* NaN too */
      code[i] = (uint8_t)(int)(c < top ? c : top);
    }
    pack(codes, code, group, bits);
    hr_elem_store((hr_elem *)scales + g, l.scale);
    hr_elem_store((hr_elem *)biases + g, l.bias);
  }
}

/* --- 4-bit and 8-bit floats --- */

/* The greatest size; NaN if there is one. */
static float largest(const float *v, int count) {
  uint32_t most = 0; /* sizes of floats are ordered as their bits, NaN last */
  for (int i = 0; i < count; i++) {
    uint32_t size = hr_bits_f32(v[i]) & 0x7fffffffu;
    most = size > most ? size : most;
  }
  return hr_f32_bits(most);
}

/* The nearest of 0, .5, 1, 1.5, 2, 3, 4 and 6; of two the smaller. */
static inline uint8_t e2m1_code(float x) {
  float size = fabsf(x);
  int code =
      (size > 0.25f) + (size > 0.75f) + (size > 1.25f) + (size > 1.75f) + (size > 2.5f) + (size > 3.5f) + (size > 5);
  return (uint8_t)(code | (code && x < 0) << 3);
}

/* Where distances round to each other the first of them is taken, as MLX does; infinity and NaN give 0. */
static uint8_t e2m1_code_of_huge(float x) {
  static const float values[] = {0, 0.5f, 1, 1.5f, 2, 3, 4, 6};
  float size = fabsf(x);
  int code = 0;
  for (int i = 1; i < 8; i++)
    if (fabsf(size - values[i]) < fabsf(size - values[code])) code = i;
  return (uint8_t)(code | (code && x < 0) << 3);
}

static void e2m1_codes(uint8_t *codes, const float *v, int count) {
  int huge = 0;
  for (int i = 0; i < count; i++) {
    codes[i] = e2m1_code(v[i]);
    huge |= !(fabsf(v[i]) < 0x1p20f);
  }
  for (int i = 0; huge && i < count; i++) codes[i] = e2m1_code_of_huge(v[i]);
}

/* The least power of two that brings what is `most` to `top` or below, as its byte and as its value in the dtype. The
 * byte of very small ones wraps around; without a finite number to go by it is BYTE_OF_NONE, the value 0: as in MLX. */
enum { BYTE_OF_NONE = HR_ELEM_IS_HALF ? 0 : 128 };
static float power_scale(uint8_t *byte, float most, float top) {
  float ratio = rounded(most / top);
  int exponent = 0;
  if (!(ratio < INFINITY)) return *byte = BYTE_OF_NONE, 0;
  if (ratio > 0 && frexpf(ratio, &exponent) == 0.5f) exponent--;
  *byte = (uint8_t)(exponent + 127);
  return rounded(ldexpf(1, exponent));
}

static void mxfp4(uint8_t *codes, uint8_t *scales, const void *w, int64_t groups) {
  enum { GROUP = 32 };
  const hr_elem *from = w;
  float v[GROUP];
  uint8_t code[GROUP];
  for (int64_t g = 0; g < groups; g++, codes += GROUP / 2) {
    widen(v, from + g * GROUP, GROUP);
    float scale = power_scale(scales + g, largest(v, GROUP), 6);
    for (int i = 0; i < GROUP; i++) v[i] = rounded(v[i] / scale);
    e2m1_codes(code, v, GROUP);
    pack(codes, code, GROUP, 4);
  }
}

static void mxfp8(uint8_t *codes, uint8_t *scales, const void *w, int64_t groups) {
  enum { GROUP = 32 };
  const hr_elem *from = w;
  float v[GROUP];
  for (int64_t g = 0; g < groups; g++, codes += GROUP) {
    widen(v, from + g * GROUP, GROUP);
    float scale = power_scale(scales + g, largest(v, GROUP), 448);
    for (int i = 0; i < GROUP; i++) codes[i] = hr_e4m3_code(rounded(v[i] / scale));
  }
}

static void nvfp4(uint8_t *codes, uint8_t *scales, const void *w, int64_t groups, float global) {
  enum { GROUP = 16 };
  const hr_elem *from = w;
  float v[GROUP];
  uint8_t code[GROUP];
  for (int64_t g = 0; g < groups; g++, codes += GROUP / 2) {
    widen(v, from + g * GROUP, GROUP);
    scales[g] = hr_e4m3_code(rounded(largest(v, GROUP) / 6) * global);
    float scale = hr_e4m3_value(scales[g]);
    for (int i = 0; i < GROUP; i++) v[i] = scale == 0 ? 0 : rounded(v[i] / scale) * global;
    e2m1_codes(code, v, GROUP);
    pack(codes, code, GROUP, 4);
  }
}

/* --- the way back --- */

static void finish(void *to, const float *values, const float *scales, const float *biases, int64_t groups, int group) {
  hr_elem *out = to;
  for (int64_t g = 0; g < groups; g++, out += group, values += group) {
    float scale = rounded(scales[g]), bias = biases ? biases[g] : 0;
    if (biases)
      for (int i = 0; i < group; i++) hr_elem_store(out + i, rounded(values[i] * scale) + bias);
    else
      for (int i = 0; i < group; i++) hr_elem_store(out + i, values[i] * scale);
  }
}

const hr_quantize_kernels HR_NAME(hr_quantize) = {
    .affine = affine, .mxfp4 = mxfp4, .mxfp8 = mxfp8, .nvfp4 = nvfp4, .finish = finish};
