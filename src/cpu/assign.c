#include "cpu/assign.h"

#include <string.h>

#include "cpu/loops.h"
#include "cpu/tuning.h"
#include "ops/op_list.h"

/* item is a constant in each caller: the copies of one element become single moves. */
static inline __attribute__((always_inline)) void copy_run(char *const *data, const int64_t *strides, int64_t count,
                                                           size_t item) {
  char *to = data[0], *from = data[1];
  int64_t to_step = strides[0], from_step = strides[1];
  if (to_step == (int64_t)item && from_step == (int64_t)item) {
    memcpy(to, from, (size_t)count * item);
  } else if (to_step == (int64_t)item) {
    for (int64_t i = 0; i < count; i++) memcpy(to + i * (int64_t)item, from + i * from_step, item);
  } else {
    for (int64_t i = 0; i < count; i++) memcpy(to + i * to_step, from + i * from_step, item);
  }
}

static void copy_run1(void *ctx, char *const *data, const int64_t *strides, int64_t count) {
  (void)ctx;
  copy_run(data, strides, count, 1);
}
static void copy_run2(void *ctx, char *const *data, const int64_t *strides, int64_t count) {
  (void)ctx;
  copy_run(data, strides, count, 2);
}
static void copy_run4(void *ctx, char *const *data, const int64_t *strides, int64_t count) {
  (void)ctx;
  copy_run(data, strides, count, 4);
}
static void copy_run8(void *ctx, char *const *data, const int64_t *strides, int64_t count) {
  (void)ctx;
  copy_run(data, strides, count, 8);
}

static hr_loop_fn run_of(int64_t item_bytes) {
  return item_bytes == 1 ? copy_run1 : item_bytes == 2 ? copy_run2 : item_bytes == 4 ? copy_run4 : copy_run8;
}

void hr_assign(hr_region to, hr_region from, const int *shape, int ndim, int64_t item_bytes) {
  hr_loop loop;
  hr_loop_init(&loop, shape, ndim);
  hr_loop_add_strided(&loop, to.data, to.strides, item_bytes);
  hr_loop_add_strided(&loop, from.data, from.strides, item_bytes);
  hr_loop_collapse(&loop);
  hr_loop_run_light(&loop, hr_pass_grain(loop.size), run_of(item_bytes), NULL);
}

void hr_assign_fill(hr_region to, const void *value, const int *shape, int ndim, int64_t item_bytes) {
  static const int64_t ZERO[HR_MAX_NDIM];
  hr_region from = {(void *)value, ZERO};
  hr_assign(to, from, shape, ndim, item_bytes);
}

static hr_region region_of(const hr_array *a) { return (hr_region){hr_array_data(a), hr_array_strides(a)}; }

/* Row-major strides over the elements of a row-major array. */
static void row_strides(int64_t *strides, const int *shape, int ndim) {
  int64_t step = 1;
  for (int i = ndim - 1; i >= 0; i--) strides[i] = step, step *= shape[i];
}

hr_status hr_cpu_row_major(const hr_run *run) {
  const hr_array *in = run->in[0];
  int64_t strides[HR_MAX_NDIM];
  hr_status status = hr_run_output(run, 0);
  if (status != HR_OK || in->size == 0) return status;
  row_strides(strides, hr_array_shape(in), in->ndim);
  hr_assign((hr_region){hr_array_data(run->out[0]), strides}, region_of(in), hr_array_shape(in), in->ndim,
            (int64_t)hr_array_itemsize(in));
  return HR_OK;
}

hr_status hr_cpu_concatenate(const hr_run *run) {
  hr_array *out = run->out[0];
  int axis = *(const int *)run->attrs;
  int64_t bytes = (int64_t)hr_array_itemsize(out);
  hr_status status = hr_run_output(run, 0);
  if (status != HR_OK) return status;
  char *to = hr_array_data(out);
  for (int i = 0; i < run->in_count; i++) {
    const hr_array *in = run->in[i];
    if (in->size == 0) continue;
    hr_assign((hr_region){to, hr_array_strides(out)}, region_of(in), hr_array_shape(in), in->ndim, bytes);
    to += hr_array_shape(in)[axis] * hr_array_strides(out)[axis] * bytes;
  }
  return HR_OK;
}

/* attrs begin with the number of elements in front of the input, for each axis. */
hr_status hr_cpu_pad(const hr_run *run) {
  const hr_array *in = run->in[0];
  hr_array *out = run->out[0];
  const int *low = run->attrs;
  int64_t bytes = (int64_t)hr_array_itemsize(out), offset = 0;
  hr_status status = hr_run_output(run, 0);
  if (status != HR_OK || out->size == 0) return status;
  hr_region to = region_of(out);
  hr_assign_fill(to, hr_array_data(run->in[1]), hr_array_shape(out), out->ndim, bytes);
  if (in->size == 0) return HR_OK;
  for (int i = 0; i < in->ndim; i++) offset += low[i] * hr_array_strides(out)[i];
  to.data = (char *)to.data + offset * bytes;
  hr_assign(to, region_of(in), hr_array_shape(in), in->ndim, bytes);
  return HR_OK;
}
