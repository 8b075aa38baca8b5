#include "io/gguf_blocks.h"

#include "base/half.h"
#include "io/bytes.h"
#include "sched/parallel.h"

enum { GRAIN_NUMBERS = 1 << 15 };

static float half_at(const uint8_t *at) { return hr_f16_to_f32(hr_get_u16(at)); }

/* --- blocks of 32: scale d, perhaps a least value m, and bits --- */

/* x = d (q - 16), q of 5 bits: d, 4 bytes of fifth bits, 16 bytes of two numbers each. */
static void decode_q5_0(float *out, const uint8_t *b) {
  float d = half_at(b);
  uint32_t high = hr_get_u32(b + 2);
  for (int j = 0; j < 16; j++) {
    out[j] = d * (float)((int)((b[6 + j] & 15) | (high >> j & 1) << 4) - 16);
    out[j + 16] = d * (float)((int)(b[6 + j] >> 4 | (high >> (j + 16) & 1) << 4) - 16);
  }
}

/* x = d q + m. */
static void decode_q5_1(float *out, const uint8_t *b) {
  float d = half_at(b), m = half_at(b + 2);
  uint32_t high = hr_get_u32(b + 4);
  for (int j = 0; j < 16; j++) {
    out[j] = d * (float)((b[8 + j] & 15) | (high >> j & 1) << 4) + m;
    out[j + 16] = d * (float)(b[8 + j] >> 4 | (high >> (j + 16) & 1) << 4) + m;
  }
}

/* x = d value[q]. */
static void decode_iq4_nl(float *out, const uint8_t *b) {
  static const int8_t value[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
  float d = half_at(b);
  for (int j = 0; j < 16; j++) {
    out[j] = d * value[b[2 + j] & 15];
    out[j + 16] = d * value[b[2 + j] >> 4];
  }
}

/* --- blocks of 256, in parts of 16 or 32 with small scales of their own --- */

/* x = (d scale) q - (dmin least), q of 2 bits: 16 bytes with scale (low) and least (high), 64 of numbers, d, dmin. */
static void decode_q2_k(float *out, const uint8_t *b) {
  float d = half_at(b + 80), dmin = half_at(b + 82);
  for (int part = 0; part < 16; part++) {
    const uint8_t *q = b + 16 + part / 8 * 32 + part % 2 * 16;
    int shift = part / 2 % 4 * 2;
    float scale = d * (float)(b[part] & 15), least = dmin * (float)(b[part] >> 4);
    for (int j = 0; j < 16; j++) out[16 * part + j] = scale * (float)(q[j] >> shift & 3) - least;
  }
}

/* x = d (scale - 32) (q - 4), q of 3 bits, scales of 6: 32 bytes of third bits, 64 of the others, 12 of scales, d. */
static void decode_q3_k(float *out, const uint8_t *b) {
  const uint8_t *s = b + 96;
  float d = half_at(b + 108);
  for (int part = 0; part < 16; part++) {
    const uint8_t *q = b + 32 + part / 8 * 32 + part % 2 * 16, *high = b + part % 2 * 16;
    int shift = part / 2 % 4 * 2, low = part < 8 ? s[part] & 15 : s[part - 8] >> 4;
    float scale = d * (float)((low | (s[8 + part % 4] >> part / 4 * 2 & 3) << 4) - 32);
    for (int j = 0; j < 16; j++)
      out[16 * part + j] = scale * (float)((q[j] >> shift & 3) - (high[j] >> part / 2 & 1 ? 0 : 4));
  }
}

/* Scale and least value of part 0 to 7, 6 bits each, from 12 bytes. */
static void take_scale(const uint8_t *s, int part, int *scale, int *least) {
  if (part < 4) {
    *scale = s[part] & 63;
    *least = s[part + 4] & 63;
  } else {
    *scale = (s[part + 4] & 15) | s[part - 4] >> 6 << 4;
    *least = s[part + 4] >> 4 | s[part] >> 6 << 4;
  }
}

/* x = (d scale) q - (dmin least): d, dmin, 12 bytes of scales, then for Q5_K 32 bytes of fifth bits, 128 of numbers. */
static void decode_scaled(float *out, const uint8_t *b, const uint8_t *high, const uint8_t *q) {
  float d = half_at(b), dmin = half_at(b + 2);
  for (int part = 0; part < 8; part++) {
    int scale, least, shift = part % 2 * 4;
    take_scale(b + 4, part, &scale, &least);
    float factor = d * (float)scale, minimum = dmin * (float)least;
    for (int j = 0; j < 32; j++) {
      int number = q[part / 2 * 32 + j] >> shift & 15;
      if (high) number |= (high[j] >> part & 1) << 4;
      out[32 * part + j] = factor * (float)number - minimum;
    }
  }
}
static void decode_q4_k(float *out, const uint8_t *b) { decode_scaled(out, b, NULL, b + 16); }
static void decode_q5_k(float *out, const uint8_t *b) { decode_scaled(out, b, b + 16, b + 48); }

/* x = d scale (q - 32), q of 6 bits: 128 bytes of low bits, 64 of high ones, 16 scales of 8 bits, d. */
static void decode_q6_k(float *out, const uint8_t *b) {
  float d = half_at(b + 208);
  for (int part = 0; part < 16; part++) {
    int row = part / 2 % 4; /* of the four times 32 numbers of each half */
    const uint8_t *low = b + part / 8 * 64 + row % 2 * 32 + part % 2 * 16,
                  *high = b + 128 + part / 8 * 32 + part % 2 * 16;
    float scale = d * (float)(int8_t)b[192 + part];
    for (int j = 0; j < 16; j++)
      out[16 * part + j] = scale * (float)(((low[j] >> row / 2 * 4 & 15) | (high[j] >> 2 * row & 3) << 4) - 32);
  }
}

/* --- the types --- */

static const hr_gguf_format formats[] = {
    {.type = 0, 1, 4, "F32", HR_FLOAT32, 0, NULL},
    {.type = 1, 1, 2, "F16", HR_FLOAT16, 0, NULL},
    {.type = 2, 32, 18, "Q4_0", -1, 4, NULL},
    {.type = 3, 32, 20, "Q4_1", -1, 4, NULL},
    {.type = 6, 32, 22, "Q5_0", -1, 0, decode_q5_0},
    {.type = 7, 32, 24, "Q5_1", -1, 0, decode_q5_1},
    {.type = 8, 32, 34, "Q8_0", -1, 8, NULL},
    {.type = 9, 32, 36, "Q8_1", -1, 0, NULL},
    {.type = 10, 256, 84, "Q2_K", -1, 0, decode_q2_k},
    {.type = 11, 256, 110, "Q3_K", -1, 0, decode_q3_k},
    {.type = 12, 256, 144, "Q4_K", -1, 0, decode_q4_k},
    {.type = 13, 256, 176, "Q5_K", -1, 0, decode_q5_k},
    {.type = 14, 256, 210, "Q6_K", -1, 0, decode_q6_k},
    {.type = 15, 256, 292, "Q8_K", -1, 0, NULL},
    {.type = 16, 256, 66, "IQ2_XXS", -1, 0, NULL},
    {.type = 17, 256, 74, "IQ2_XS", -1, 0, NULL},
    {.type = 18, 256, 98, "IQ3_XXS", -1, 0, NULL},
    {.type = 19, 256, 50, "IQ1_S", -1, 0, NULL},
    {.type = 20, 32, 18, "IQ4_NL", -1, 0, decode_iq4_nl},
    {.type = 21, 256, 110, "IQ3_S", -1, 0, NULL},
    {.type = 22, 256, 82, "IQ2_S", -1, 0, NULL},
    {.type = 23, 256, 136, "IQ4_XS", -1, 0, NULL},
    {.type = 24, 1, 1, "I8", HR_INT8, 0, NULL},
    {.type = 25, 1, 2, "I16", HR_INT16, 0, NULL},
    {.type = 26, 1, 4, "I32", HR_INT32, 0, NULL},
    {.type = 27, 1, 8, "I64", HR_INT64, 0, NULL},
    {.type = 28, 1, 8, "F64", HR_FLOAT64, 0, NULL},
    {.type = 29, 256, 56, "IQ1_M", -1, 0, NULL},
    {.type = 30, 1, 2, "BF16", HR_BFLOAT16, 0, NULL},
    {.type = 34, 256, 54, "TQ1_0", -1, 0, NULL},
    {.type = 35, 256, 66, "TQ2_0", -1, 0, NULL},
    {.type = 39, 32, 17, "MXFP4", -1, 0, NULL},
};

const hr_gguf_format *hr_gguf_format_find(uint32_t type) {
  for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
    if (formats[i].type == type) return &formats[i];
  return NULL;
}

const hr_gguf_format *hr_gguf_format_of_dtype(hr_dtype dtype) {
  for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
    if (formats[i].dtype == (int)dtype) return &formats[i];
  return NULL;
}

/* --- whole tensors --- */

typedef struct job {
  const hr_gguf_format *format;
  const uint8_t *data;
  void *out[HR_LOAD_OUTPUTS]; /* NULL for what nobody wants */
} job;

static void decode_blocks(void *ctx, int64_t first, int64_t end) {
  const job *j = ctx;
  float numbers[HR_GGUF_BLOCK];
  for (int64_t i = first; i < end; i++) {
    uint16_t *to = (uint16_t *)j->out[0] + i * j->format->elements;
    j->format->decode(numbers, j->data + i * j->format->bytes);
    for (int k = 0; k < j->format->elements; k++) to[k] = hr_f32_to_f16(numbers[k]);
  }
}

/* Numbers 0 to 15 are the low halves of the bytes, 16 to 31 the high ones. */
static void pack_4bit(uint32_t *out, const uint8_t *q) {
  for (int word = 0; word < 4; word++) {
    uint32_t packed = 0;
    for (int k = 0; k < 8; k++) {
      int number = word * 8 + k;
      packed |= (uint32_t)(number < 16 ? q[number] & 15 : q[number - 16] >> 4) << 4 * k;
    }
    out[word] = packed;
  }
}

/* Signed bytes, moved up by 128. */
static void pack_8bit(uint32_t *out, const uint8_t *q) {
  for (int word = 0; word < 8; word++) out[word] = hr_get_u32(q + 4 * word) ^ 0x80808080u;
}

/* Q4_0: d, numbers meaning d (q - 8). Q4_1: d, m, numbers meaning d q + m. Q8_0: d, signed numbers meaning d q. */
static void split_blocks(void *ctx, int64_t first, int64_t end) {
  const job *j = ctx;
  bool has_least = j->format->bytes == 20;
  int words = j->format->bits;
  for (int64_t i = first; i < end; i++) {
    const uint8_t *b = j->data + i * j->format->bytes;
    uint16_t scale = hr_get_u16(b);
    float bias = half_at(b) * (words == 4 ? -8 : -128);
    if (j->out[0]) (words == 4 ? pack_4bit : pack_8bit)((uint32_t *)j->out[0] + i * words, b + (has_least ? 4 : 2));
    if (j->out[1]) ((uint16_t *)j->out[1])[i] = scale;
    if (j->out[2]) ((uint16_t *)j->out[2])[i] = has_least ? hr_get_u16(b + 2) : hr_f32_to_f16(bias);
  }
}

static void run(hr_array *const *out, int out_count, const uint8_t *data, uint64_t bytes, const hr_gguf_format *format,
                void (*range)(void *ctx, int64_t first, int64_t end)) {
  job j = {.format = format, .data = data};
  for (int i = 0; i < out_count; i++) j.out[i] = out[i] ? hr_array_data(out[i]) : NULL;
  hr_parallel_range((int64_t)(bytes / format->bytes), GRAIN_NUMBERS / format->elements, range, &j);
}

void hr_gguf_decode(hr_array *const *out, const uint8_t *data, uint64_t bytes, const void *format) {
  if (out[0]) run(out, 1, data, bytes, format, decode_blocks);
}

void hr_gguf_split(hr_array *const *out, const uint8_t *data, uint64_t bytes, const void *format) {
  run(out, HR_LOAD_OUTPUTS, data, bytes, format, split_blocks);
}
