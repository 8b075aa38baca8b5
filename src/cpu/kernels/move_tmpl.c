/* src/cpu/kernels/move_tmpl.c - items moved without a look at their value, by their size. */
/* hr-dtypes: u8 u16 u32 u64 */
#include "cpu/kernels/elem.h"
#include "cpu/kernels/elementwise.h"
#if HR_ISA_LEVEL >= 1
#include <immintrin.h>
#endif

HR_INLINE void choose(hr_elem *out, const uint8_t *mask, const hr_elem *x, const hr_elem *y, int64_t n, int xs,
                      int ys) {
  hr_elem x0 = *x, y0 = *y;
  HR_VECTOR_LOOP for (int64_t i = 0; i < n; i++) {
    hr_elem a = xs ? x0 : x[i], b = ys ? y0 : y[i];
    out[i] = mask[i] ? a : b;
  }
}

static void fill(void *out, const void *const *in, int64_t n, unsigned scalars) {
  hr_elem *to = out, x = *(const hr_elem *)in[0];
  (void)scalars;
  for (int64_t i = 0; i < n; i++) to[i] = x;
}

static void select_run(void *out, const void *const *in, int64_t n, unsigned scalars) {
  const uint8_t *mask = in[0];
  const hr_elem *x = in[1], *y = in[2];
  if (n <= 0) return;
  if (scalars & 1) { /* one side for all */
    const hr_elem *side = *mask ? x : y;
    if (scalars & (*mask ? 2u : 4u)) {
      fill(out, (const void *const[]){side}, n, 1);
    } else if (side != out) {
      memmove(out, side, (size_t)n * sizeof(hr_elem));
    }
  } else if ((scalars & 6) == 6) {
    choose(out, mask, x, y, n, 1, 1);
  } else if (scalars & 2) {
    choose(out, mask, x, y, n, 1, 0);
  } else if (scalars & 4) {
    choose(out, mask, x, y, n, 0, 1);
  } else {
    choose(out, mask, x, y, n, 0, 0);
  }
}

static void pack(void *out, const char *in, int64_t stride, int64_t n) {
  hr_elem *to = out;
  if (stride == 0) {
    fill(out, (const void *const[]){in}, n, 1);
  } else if (stride == -(int64_t)sizeof(hr_elem)) {
    for (int64_t i = 0; i < n; i++) to[i] = ((const hr_elem *)in)[-i];
  } else if (stride == 2 * (int64_t)sizeof(hr_elem)) {
    for (int64_t i = 0; i < n; i++) to[i] = ((const hr_elem *)in)[2 * i];
  } else {
    for (int64_t i = 0; i < n; i++) to[i] = *(const hr_elem *)(in + i * stride);
  }
}

/* A cache line of columns at a time, so that what is read of a line is used before it is lost. */
enum { BLOCK = 64 / sizeof(hr_elem) };

HR_INLINE void transpose_block(char *out, int64_t out_stride, const char *in, int64_t in_stride, int64_t rows,
                               int64_t columns) {
  hr_elem block[BLOCK][BLOCK];
  for (int64_t c = 0; c < columns; c++)
    for (int64_t r = 0; r < rows; r++) block[r][c] = ((const hr_elem *)(in + c * in_stride))[r];
  for (int64_t r = 0; r < rows; r++)
    for (int64_t c = 0; c < columns; c++) ((hr_elem *)(out + r * out_stride))[c] = block[r][c];
}

/* Squares in registers: pairs of rows are interleaved, then pairs of pairs, then quarters or halves of registers. */
#if HR_ISA_LEVEL == 2 && HR_ELEM_CODE == 4
enum { SQUARE = 16 };
HR_INLINE void transpose_square(char *out, int64_t out_stride, const char *in, int64_t in_stride) {
  __m512 row[16], pair[16];
  for (int i = 0; i < 16; i++) row[i] = _mm512_loadu_ps(in + i * in_stride);
  for (int i = 0; i < 16; i += 2) {
    pair[i] = _mm512_unpacklo_ps(row[i], row[i + 1]);
    pair[i + 1] = _mm512_unpackhi_ps(row[i], row[i + 1]);
  }
  for (int i = 0; i < 16; i += 4)
    for (int k = 0; k < 2; k++) { /* quarter q of row[i + 2 k]: column 4 q + 2 k of four rows; of the next one, + 1 */
      row[i + 2 * k] = _mm512_shuffle_ps(pair[i + k], pair[i + k + 2], 0x44);
      row[i + 2 * k + 1] = _mm512_shuffle_ps(pair[i + k], pair[i + k + 2], 0xee);
    }
  for (int i = 0; i < 4; i++) {
    __m512 even = _mm512_shuffle_f32x4(row[i], row[i + 4], 0x88), odd = _mm512_shuffle_f32x4(row[i], row[i + 4], 0xdd);
    __m512 even2 = _mm512_shuffle_f32x4(row[i + 8], row[i + 12], 0x88);
    __m512 odd2 = _mm512_shuffle_f32x4(row[i + 8], row[i + 12], 0xdd);
    _mm512_storeu_ps(out + i * out_stride, _mm512_shuffle_f32x4(even, even2, 0x88));
    _mm512_storeu_ps(out + (i + 4) * out_stride, _mm512_shuffle_f32x4(odd, odd2, 0x88));
    _mm512_storeu_ps(out + (i + 8) * out_stride, _mm512_shuffle_f32x4(even, even2, 0xdd));
    _mm512_storeu_ps(out + (i + 12) * out_stride, _mm512_shuffle_f32x4(odd, odd2, 0xdd));
  }
}
#elif HR_ISA_LEVEL == 2 && HR_ELEM_CODE == 5
enum { SQUARE = 8 };
HR_INLINE void transpose_square(char *out, int64_t out_stride, const char *in, int64_t in_stride) {
  __m512d row[8], pair[8];
  for (int i = 0; i < 8; i++) row[i] = _mm512_loadu_pd(in + i * in_stride);
  for (int i = 0; i < 8; i += 2) { /* quarter q of pair[i]: column 2 q of two rows; of pair[i + 1]: column 2 q + 1 */
    pair[i] = _mm512_unpacklo_pd(row[i], row[i + 1]);
    pair[i + 1] = _mm512_unpackhi_pd(row[i], row[i + 1]);
  }
  for (int i = 0; i < 2; i++) {
    __m512d even = _mm512_shuffle_f64x2(pair[i], pair[i + 2], 0x88);
    __m512d odd = _mm512_shuffle_f64x2(pair[i], pair[i + 2], 0xdd);
    __m512d even2 = _mm512_shuffle_f64x2(pair[i + 4], pair[i + 6], 0x88);
    __m512d odd2 = _mm512_shuffle_f64x2(pair[i + 4], pair[i + 6], 0xdd);
    _mm512_storeu_pd(out + i * out_stride, _mm512_shuffle_f64x2(even, even2, 0x88));
    _mm512_storeu_pd(out + (i + 2) * out_stride, _mm512_shuffle_f64x2(odd, odd2, 0x88));
    _mm512_storeu_pd(out + (i + 4) * out_stride, _mm512_shuffle_f64x2(even, even2, 0xdd));
    _mm512_storeu_pd(out + (i + 6) * out_stride, _mm512_shuffle_f64x2(odd, odd2, 0xdd));
  }
}
#elif HR_ISA_LEVEL == 1 && HR_ELEM_CODE == 4
enum { SQUARE = 8 };
HR_INLINE void transpose_square(char *out, int64_t out_stride, const char *in, int64_t in_stride) {
  __m256 row[8], pair[8];
  for (int i = 0; i < 8; i++) row[i] = _mm256_loadu_ps((const float *)(const void *)(in + i * in_stride));
  for (int i = 0; i < 8; i += 2) {
    pair[i] = _mm256_unpacklo_ps(row[i], row[i + 1]);
    pair[i + 1] = _mm256_unpackhi_ps(row[i], row[i + 1]);
  }
  for (int i = 0; i < 8; i += 4)
    for (int k = 0; k < 2; k++) {
      row[i + 2 * k] = _mm256_shuffle_ps(pair[i + k], pair[i + k + 2], 0x44);
      row[i + 2 * k + 1] = _mm256_shuffle_ps(pair[i + k], pair[i + k + 2], 0xee);
    }
  for (int i = 0; i < 4; i++) {
    _mm256_storeu_ps((float *)(void *)(out + i * out_stride), _mm256_permute2f128_ps(row[i], row[i + 4], 0x20));
    _mm256_storeu_ps((float *)(void *)(out + (i + 4) * out_stride), _mm256_permute2f128_ps(row[i], row[i + 4], 0x31));
  }
}
#elif HR_ISA_LEVEL == 1 && HR_ELEM_CODE == 5
enum { SQUARE = 4 };
HR_INLINE void transpose_square(char *out, int64_t out_stride, const char *in, int64_t in_stride) {
  __m256d row[4], pair[4];
  for (int i = 0; i < 4; i++) row[i] = _mm256_loadu_pd((const double *)(const void *)(in + i * in_stride));
  for (int i = 0; i < 4; i += 2) {
    pair[i] = _mm256_unpacklo_pd(row[i], row[i + 1]);
    pair[i + 1] = _mm256_unpackhi_pd(row[i], row[i + 1]);
  }
  for (int i = 0; i < 2; i++) {
    _mm256_storeu_pd((double *)(void *)(out + i * out_stride), _mm256_permute2f128_pd(pair[i], pair[i + 2], 0x20));
    _mm256_storeu_pd((double *)(void *)(out + (i + 2) * out_stride),
                     _mm256_permute2f128_pd(pair[i], pair[i + 2], 0x31));
  }
}
#endif

HR_INLINE void transpose_full(char *out, int64_t out_stride, const char *in, int64_t in_stride) {
#if HR_ISA_LEVEL >= 1 && (HR_ELEM_CODE == 4 || HR_ELEM_CODE == 5)
  enum { BYTES = SQUARE * sizeof(hr_elem) };
  for (int r = 0; r < BLOCK / SQUARE; r++)
    for (int c = 0; c < BLOCK / SQUARE; c++)
      transpose_square(out + r * SQUARE * out_stride + c * BYTES, out_stride, in + c * SQUARE * in_stride + r * BYTES,
                       in_stride);
#else
  transpose_block(out, out_stride, in, in_stride, BLOCK, BLOCK);
#endif
}

/* Several blocks side by side before the next ones below, so that neighbouring lines are written soon after each other.
 */
enum { ABREAST = 4 * BLOCK };

static void transpose(char *out, int64_t out_stride, const char *in, int64_t in_stride, int64_t rows, int64_t columns) {
  const int64_t item = (int64_t)sizeof(hr_elem);
  for (int64_t left = 0; left < columns; left += ABREAST) {
    int64_t right = columns - left < ABREAST ? columns : left + ABREAST;
    for (int64_t r = 0; r < rows; r += BLOCK)
      for (int64_t c = left; c < right; c += BLOCK) {
        int64_t height = rows - r < BLOCK ? rows - r : BLOCK, width = right - c < BLOCK ? right - c : BLOCK;
        char *to = out + r * out_stride + c * item;
        const char *from = in + c * in_stride + r * item;
        if (height == BLOCK && width == BLOCK) {
          transpose_full(to, out_stride, from, in_stride);
        } else {
          transpose_block(to, out_stride, from, in_stride, height, width);
        }
      }
  }
}

static void stream(void *out, const void *in, int64_t n) {
  char *to = out;
  const char *from = in;
  int64_t bytes = n * (int64_t)sizeof(hr_elem);
#if HR_ISA_LEVEL == 2
  for (; bytes >= 64; bytes -= 64, to += 64, from += 64)
    _mm512_stream_si512((__m512i *)to, _mm512_loadu_si512((const void *)from));
#elif HR_ISA_LEVEL == 1
  for (; bytes >= 32; bytes -= 32, to += 32, from += 32)
    _mm256_stream_si256((__m256i *)to, _mm256_loadu_si256((const __m256i *)from));
#endif
  memcpy(to, from, (size_t)bytes);
}

extern const hr_move_kernels HR_NAME(hr_move);
const hr_move_kernels HR_NAME(hr_move) = {
    .select = select_run, .fill = fill, .pack = pack, .transpose = transpose, .stream = stream};
