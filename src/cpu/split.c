/* src/cpu/split.c - see split.h. */
#include "cpu/split.h"

/* The axis that becomes columns, or -1 for rows. */
static int column_axis(const hr_array *in, uint32_t axes) {
  const int *shape = hr_array_shape(in);
  const int64_t *strides = hr_array_strides(in);
  int found = -1;
  for (int axis = 0; axis < in->ndim; axis++) {
    if (shape[axis] == 1 || strides[axis] != 1) continue;
    if (axes >> axis & 1) return -1;
    found = axis;
  }
  return found;
}

/* Axes whose bit in `axes` is `bit`, without `left_out`; returns how many. */
static int pick_axes(int *picked, const hr_array *in, uint32_t axes, uint32_t bit, int left_out) {
  int count = 0;
  for (int axis = 0; axis < in->ndim; axis++)
    if ((axes >> axis & 1) == bit && axis != left_out) picked[count++] = axis;
  return count;
}

static void loop_over(hr_loop *loop, const hr_array *in, const int *picked, int count, char *output,
                      const int64_t *out_strides, int64_t item) {
  int shape[HR_MAX_NDIM];
  int64_t strides[HR_MAX_NDIM], output_strides[HR_MAX_NDIM];
  for (int i = 0; i < count; i++) {
    shape[i] = hr_array_shape(in)[picked[i]];
    strides[i] = hr_array_strides(in)[picked[i]];
    output_strides[i] = out_strides[picked[i]];
  }
  hr_loop_init(loop, shape, count);
  if (output) hr_loop_add_strided(loop, output, output_strides, item);
  hr_loop_add_strided(loop, hr_array_data(in), strides, (int64_t)hr_array_itemsize(in));
  hr_loop_collapse(loop);
}

void hr_split_axes(hr_split *out, const hr_array *in, uint32_t axes, char *output, int64_t item) {
  int64_t out_strides[HR_MAX_NDIM], run = 1;
  int picked[HR_MAX_NDIM];
  for (int axis = in->ndim - 1; axis >= 0; axis--) {
    out_strides[axis] = run;
    if (!(axes >> axis & 1)) run *= hr_array_shape(in)[axis];
  }
  int column = column_axis(in, axes);
  out->by_columns = column >= 0;
  out->columns = column < 0 ? 1 : hr_array_shape(in)[column];
  out->column_item = column < 0 ? item : out_strides[column] * item;
  int count = pick_axes(picked, in, axes, 0, column);
  loop_over(&out->kept, in, picked, count, output, out_strides, item);
  count = pick_axes(picked, in, axes, 1, -1);
  loop_over(&out->inner, in, picked, count, NULL, out_strides, 0);
  out->dense = hr_loop_is_flat(&out->inner, 0, (int64_t)hr_array_itemsize(in));
}

typedef struct gather {
  char *out;
  int64_t from, elem; /* bytes from the first result's elements to these; bytes of one */
} gather;

static void gather_run(void *ctx, char *const *data, const int64_t *strides, int64_t count) {
  gather *g = ctx;
  hr_copy_strided(g->out, g->elem, data[0] + g->from, strides[0], count, g->elem);
  g->out += count * g->elem;
}

void hr_split_gather(char *out, const hr_split *split, const char *row, int64_t first, int64_t count, int64_t elem) {
  gather g = {out, row - split->kept.data[1], elem};
  hr_loop_range(&split->inner, first, first + count, gather_run, &g);
}
