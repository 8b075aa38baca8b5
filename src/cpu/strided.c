/* src/cpu/strided.c - see strided.h. */
#include "cpu/strided.h"

#include <string.h>

enum { GRAIN = 65536 };

void hr_copy_strided(char *out, int64_t out_stride, const char *in, int64_t in_stride, int64_t count, int64_t bytes) {
  if (in_stride == bytes && out_stride == bytes) {
    memcpy(out, in, (size_t)(count * bytes));
    return;
  }
  switch (bytes) {
    case 1:
      for (int64_t i = 0; i < count; i++) out[i * out_stride] = in[i * in_stride];
      break;
    case 2:
      for (int64_t i = 0; i < count; i++) memcpy(out + i * out_stride, in + i * in_stride, 2);
      break;
    case 4:
      for (int64_t i = 0; i < count; i++) memcpy(out + i * out_stride, in + i * in_stride, 4);
      break;
    default:
      for (int64_t i = 0; i < count; i++) memcpy(out + i * out_stride, in + i * in_stride, 8);
      break;
  }
}

static void copy_run(void *ctx, char *const *data, const int64_t *strides, int64_t count) {
  hr_copy_strided(data[0], strides[0], data[1], strides[1], count, *(const int64_t *)ctx);
}

void hr_loop_copy(const hr_loop *loop, int64_t bytes) { hr_loop_run(loop, GRAIN, copy_run, &bytes); }
