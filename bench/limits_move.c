#include "limits_move.h"

#include <math.h>
#include <string.h>

static int64_t side_of(const bench_loop *loop) { return (int64_t)sqrt((double)loop->count); }

/* Bands of LIMIT_BLOCK rows of out, block by block. */
static void transposed(const bench_loop *loop, int64_t first, int64_t end, const float *b) {
  int64_t side = side_of(loop);
  for (int64_t row = first / side / LIMIT_BLOCK * LIMIT_BLOCK; row < end / side / LIMIT_BLOCK * LIMIT_BLOCK;
       row += LIMIT_BLOCK)
    for (int64_t column = 0; column < side; column += LIMIT_BLOCK)
      for (int64_t i = row; i < row + LIMIT_BLOCK; i++) {
        float *restrict out = loop->out + i * side + column;
        const float *a = loop->a + column * side + i;
        for (int64_t j = 0; j < LIMIT_BLOCK; j++) out[j] = b ? a[j * side] + b[i * side + column + j] : a[j * side];
      }
}

void bench_loop_transpose(const bench_loop *loop, int64_t first, int64_t end) { transposed(loop, first, end, NULL); }
void bench_loop_add_transposed(const bench_loop *loop, int64_t first, int64_t end) {
  transposed(loop, first, end, loop->b);
}

void bench_loop_take(const bench_loop *loop, int64_t first, int64_t end) {
  const int32_t *indices = (const int32_t *)(const void *)loop->b;
  float *restrict out = loop->out;
  for (int64_t i = first; i < end; i++) out[i] = loop->a[indices[i]];
}

void bench_loop_take_rows(const bench_loop *loop, int64_t first, int64_t end) {
  const int32_t *rows = (const int32_t *)(const void *)loop->b;
  for (int64_t i = first; i < end; i += LIMIT_TAKE_ROW)
    memcpy(loop->out + i, loop->a + (int64_t)rows[i / LIMIT_TAKE_ROW] * LIMIT_TAKE_ROW,
           LIMIT_TAKE_ROW * sizeof *loop->out);
}

void bench_loop_add_every_second(const bench_loop *loop, int64_t first, int64_t end) {
  const float *a = loop->a, *b = loop->b;
  float *restrict out = loop->out;
  for (int64_t i = first; i < end; i++) out[i] = a[2 * i] + b[2 * i];
}

void bench_loop_add_row(const bench_loop *loop, int64_t first, int64_t end) {
  for (int64_t i = first; i < end; i += LIMIT_ROW) {
    const float *a = loop->a + i;
    float *restrict out = loop->out + i;
    for (int k = 0; k < LIMIT_ROW; k++) out[k] = a[k] + loop->b[k];
  }
}

void bench_loop_add_column(const bench_loop *loop, int64_t first, int64_t end) {
  for (int64_t i = first; i < end; i += LIMIT_ROW) {
    const float *a = loop->a + i, b = loop->b[i / LIMIT_ROW];
    float *restrict out = loop->out + i;
    for (int k = 0; k < LIMIT_ROW; k++) out[k] = a[k] + b;
  }
}

enum { LANES = 64 };

void bench_loop_sum_rows(const bench_loop *loop, int64_t first, int64_t end) {
  for (int64_t i = first; i < end; i += LIMIT_ROW) {
    float part[LANES] = {0}, sum = 0;
    for (int k = 0; k < LIMIT_ROW; k += LANES)
      for (int lane = 0; lane < LANES; lane++) part[lane] += loop->a[i + k + lane];
    for (int lane = 0; lane < LANES; lane++) sum += part[lane];
    loop->out[i / LIMIT_ROW] = sum;
  }
}

void bench_loop_sum_columns(const bench_loop *loop, int64_t first, int64_t end) {
  float part[LIMIT_ROW] = {0};
  for (int64_t i = first; i < end; i += LIMIT_ROW)
    for (int k = 0; k < LIMIT_ROW; k++) part[k] += loop->a[i + k];
  memcpy(loop->out + first, part, sizeof part);
}

void bench_loop_to_bfloat16(const bench_loop *loop, int64_t first, int64_t end) {
  const uint32_t *a = (const uint32_t *)(const void *)loop->a;
  uint16_t *restrict out = (uint16_t *)(void *)loop->out;
  for (int64_t i = first; i < end; i++) out[i] = (uint16_t)((a[i] + 0x7fff + (a[i] >> 16 & 1)) >> 16);
}

void bench_loop_cumsum_rows(const bench_loop *loop, int64_t first, int64_t end) {
  for (int64_t i = first; i < end; i += LIMIT_ROW) {
    float sum = 0;
    for (int k = 0; k < LIMIT_ROW; k++) loop->out[i + k] = sum += loop->a[i + k];
  }
}
