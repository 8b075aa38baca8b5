/* Writing at indices: scatter and its kin, put_along_axis, slice updates, masked_scatter. Input 0 is always the array
 * that is written to; its memory is taken over where possible. */
#include <string.h>

#include "ops/binary.h"
#include "ops/cast.h"
#include "ops/chain.h"
#include "ops/check.h"
#include "ops/index_attrs.h"
#include "ops/index_build.h"
#include "ops/op_list.h"
#include "ops/scatter.h"
#include "ops/shape.h"
#include "ops/slice.h"

static hr_status same_as_first(hr_layout *out, const hr_op_call *call) {
  const hr_array *a = call->in[0];
  return hr_layout_set(out, hr_array_shape(a), a->ndim, hr_array_dtype(a));
}

const hr_op hr_op_scatter = {.name = "scatter",
                             .arity = HR_VARIADIC,
                             .outputs = 1,
                             .attrs_size = sizeof(hr_block_attrs),
                             .infer = same_as_first,
                             .run = {[HR_BACKEND_CPU] = hr_cpu_scatter}};
const hr_op hr_op_scatter_axis = {.name = "scatter_axis",
                                  .arity = 3,
                                  .outputs = 1,
                                  .attrs_size = sizeof(hr_axis_attrs),
                                  .infer = same_as_first,
                                  .run = {[HR_BACKEND_CPU] = hr_cpu_scatter_axis}};
const hr_op hr_op_slice_update = {.name = "slice_update",
                                  .arity = 2,
                                  .outputs = 1,
                                  .attrs_size = sizeof(hr_slice_range),
                                  .infer = same_as_first,
                                  .run = {[HR_BACKEND_CPU] = hr_cpu_slice_update}};
const hr_op hr_op_slice_update_dynamic = {.name = "slice_update",
                                          .arity = 3,
                                          .outputs = 1,
                                          .attrs_size = sizeof(hr_block_attrs),
                                          .infer = same_as_first,
                                          .run = {[HR_BACKEND_CPU] = hr_cpu_slice_update_dynamic}};
const hr_op hr_op_masked_scatter = {.name = "masked_scatter",
                                    .arity = 3,
                                    .outputs = 1,
                                    .infer = same_as_first,
                                    .run = {[HR_BACKEND_CPU] = hr_cpu_masked_scatter}};

/* --- scatter --- */

static hr_status check_updates(hr_block_attrs *attrs, const char *op, const hr_array *a, const hr_array_list *in,
                               const hr_array *updates) {
  char text[HR_ARRAY_TEXT], text_a[HR_ARRAY_TEXT];
  const int *shape = hr_array_shape(updates), lead = attrs->index_ndim;
  bool fits = updates->ndim == lead + a->ndim;
  if (fits && lead) fits = !memcmp(shape, hr_array_shape(in->items[1]), (size_t)lead * sizeof *shape);
  for (int i = 0; fits && i < a->ndim; i++) {
    attrs->block[i] = shape[lead + i];
    fits = attrs->block[i] <= hr_array_shape(a)[i];
  }
  if (fits) return HR_OK;
  return hr_fail(HR_INVALID, "%s: updates %s are not one block of %s for each of the indices", op,
                 hr_array_format(text, updates), hr_array_format(text_a, a));
}

static hr_status scatter(hr_array **out, hr_scatter_mode mode, const char *op, hr_array *a,
                         const hr_array_list *indices, hr_array *updates, const int *axes, size_t axes_num,
                         hr_stream *s) {
  hr_block_attrs attrs = {.mode = (int)mode};
  hr_array_list in = {0};
  hr_array *cast = NULL;
  hr_status status = HR_OK;
  *out = NULL;
  HR_TRY(hr_op_given(op, a));
  HR_TRY(hr_op_given(op, updates));
  HR_TRY(hr_index_inputs(&in, &attrs, op, a, indices, axes, axes_num, 1, s));
  HR_TRY(check_updates(&attrs, op, a, &in, updates));
  HR_TRY(hr_astype(&cast, updates, hr_array_dtype(a), s));
  HR_TRY(hr_row_major(&in.items[in.count - 1], cast, s));
  status = hr_apply(out, &hr_op_scatter, in.items, (int)in.count, &attrs, s);
done:
  hr_array_release(cast);
  hr_list_clear(&in);
  return status;
}

hr_status hr_scatter(hr_array **out, hr_array *a, const hr_array_list *indices, hr_array *updates, const int *axes,
                     size_t axes_num, hr_stream *s) {
  return scatter(out, HR_SCATTER_SET, "scatter", a, indices, updates, axes, axes_num, s);
}
hr_status hr_scatter_add(hr_array **out, hr_array *a, const hr_array_list *indices, hr_array *updates, const int *axes,
                         size_t axes_num, hr_stream *s) {
  return scatter(out, HR_SCATTER_ADD, "scatter_add", a, indices, updates, axes, axes_num, s);
}
hr_status hr_scatter_prod(hr_array **out, hr_array *a, const hr_array_list *indices, hr_array *updates, const int *axes,
                          size_t axes_num, hr_stream *s) {
  return scatter(out, HR_SCATTER_PROD, "scatter_prod", a, indices, updates, axes, axes_num, s);
}
hr_status hr_scatter_max(hr_array **out, hr_array *a, const hr_array_list *indices, hr_array *updates, const int *axes,
                         size_t axes_num, hr_stream *s) {
  return scatter(out, HR_SCATTER_MAX, "scatter_max", a, indices, updates, axes, axes_num, s);
}
hr_status hr_scatter_min(hr_array **out, hr_array *a, const hr_array_list *indices, hr_array *updates, const int *axes,
                         size_t axes_num, hr_stream *s) {
  return scatter(out, HR_SCATTER_MIN, "scatter_min", a, indices, updates, axes, axes_num, s);
}

hr_status hr_scatter_single(hr_array **out, hr_array *a, hr_array *indices, hr_array *updates, int axis, hr_stream *s) {
  return hr_scatter(out, a, &(hr_array_list){&indices, 1}, updates, &axis, 1, s);
}
hr_status hr_scatter_add_single(hr_array **out, hr_array *a, hr_array *indices, hr_array *updates, int axis,
                                hr_stream *s) {
  return hr_scatter_add(out, a, &(hr_array_list){&indices, 1}, updates, &axis, 1, s);
}
hr_status hr_scatter_prod_single(hr_array **out, hr_array *a, hr_array *indices, hr_array *updates, int axis,
                                 hr_stream *s) {
  return hr_scatter_prod(out, a, &(hr_array_list){&indices, 1}, updates, &axis, 1, s);
}
hr_status hr_scatter_max_single(hr_array **out, hr_array *a, hr_array *indices, hr_array *updates, int axis,
                                hr_stream *s) {
  return hr_scatter_max(out, a, &(hr_array_list){&indices, 1}, updates, &axis, 1, s);
}
hr_status hr_scatter_min_single(hr_array **out, hr_array *a, hr_array *indices, hr_array *updates, int axis,
                                hr_stream *s) {
  return hr_scatter_min(out, a, &(hr_array_list){&indices, 1}, updates, &axis, 1, s);
}

/* --- along an axis --- */

static hr_status put_along(hr_array **out, hr_scatter_mode mode, const char *op, hr_array *a, hr_array *indices,
                           hr_array *values, int axis, hr_stream *s) {
  hr_axis_attrs attrs = {0, (int)mode};
  hr_array *in[3] = {NULL, NULL, NULL}, *cast = NULL, *wide = NULL;
  hr_status status = HR_OK;
  *out = NULL;
  HR_TRY(hr_op_given(op, a));
  HR_TRY(hr_index_check(op, indices));
  HR_TRY(hr_op_given(op, values));
  HR_TRY(hr_op_axis(&attrs.axis, op, axis, a->ndim));
  HR_TRY(hr_index_along(&in[0], &in[1], op, a, indices, attrs.axis, s));
  HR_TRY(hr_astype(&cast, values, hr_array_dtype(a), s));
  HR_TRY(hr_broadcast_to(&wide, cast, hr_array_shape(in[1]), in[1]->ndim, s));
  HR_TRY(hr_row_major(&in[2], wide, s));
  if (in[0]->size != a->size)
    HR_TRY(hr_fail(HR_INVALID, "%s: indices are larger than the array on an axis other than %d", op, attrs.axis));
  status = hr_apply(out, &hr_op_scatter_axis, in, 3, &attrs, s);
done:
  for (int i = 0; i < 3; i++) hr_array_release(in[i]);
  hr_array_release(cast);
  hr_array_release(wide);
  return status;
}

hr_status hr_put_along_axis(hr_array **out, hr_array *a, hr_array *indices, hr_array *values, int axis, hr_stream *s) {
  return put_along(out, HR_SCATTER_SET, "put_along_axis", a, indices, values, axis, s);
}
hr_status hr_scatter_add_axis(hr_array **out, hr_array *a, hr_array *indices, hr_array *values, int axis,
                              hr_stream *s) {
  return put_along(out, HR_SCATTER_ADD, "scatter_add_axis", a, indices, values, axis, s);
}

/* --- slice updates --- */

hr_status hr_slice_update(hr_array **out, hr_array *src, hr_array *update, const int *start, size_t start_num,
                          const int *stop, size_t stop_num, const int *strides, size_t strides_num, hr_stream *s) {
  hr_slice_range range;
  hr_array *cast = NULL, *in[2] = {src, NULL};
  hr_status status = HR_OK;
  *out = NULL;
  HR_TRY(hr_op_given("slice_update", src));
  HR_TRY(hr_op_given("slice_update", update));
  HR_TRY(hr_slice_resolve(&range, "slice_update", src, start, start_num, stop, stop_num, strides, strides_num));
  HR_TRY(hr_astype(&cast, update, hr_array_dtype(src), s));
  HR_TRY(hr_broadcast_to(&in[1], cast, range.shape, src->ndim, s));
  if (hr_slice_is_all(&range, src))
    status = hr_row_major(out, in[1], s);
  else
    status = hr_apply(out, &hr_op_slice_update, in, 2, &range, s);
done:
  hr_array_release(cast);
  hr_array_release(in[1]);
  return status;
}

/* The region combined with the update, element by element, then put back. */
static hr_status slice_combine(hr_array **out, hr_binary_builder combine, hr_array *src, hr_array *update,
                               const int *start, size_t start_num, const int *stop, size_t stop_num, const int *strides,
                               size_t strides_num, hr_stream *s) {
  hr_array *region = NULL, *cast = NULL, *wide = NULL, *combined = NULL;
  hr_status status = HR_OK;
  *out = NULL;
  HR_TRY(hr_op_given("slice_update", update));
  HR_TRY(hr_slice(&region, src, start, start_num, stop, stop_num, strides, strides_num, s));
  HR_TRY(hr_astype(&cast, update, hr_array_dtype(src), s));
  HR_TRY(hr_broadcast_to(&wide, cast, hr_array_shape(region), region->ndim, s));
  HR_TRY(combine(&combined, region, wide, s));
  status = hr_slice_update(out, src, combined, start, start_num, stop, stop_num, strides, strides_num, s);
done:
  hr_array_release(region);
  hr_array_release(cast);
  hr_array_release(wide);
  hr_array_release(combined);
  return status;
}

hr_status hr_slice_update_add(hr_array **out, hr_array *src, hr_array *update, const int *start, size_t start_num,
                              const int *stop, size_t stop_num, const int *strides, size_t strides_num, hr_stream *s) {
  return slice_combine(out, hr_add, src, update, start, start_num, stop, stop_num, strides, strides_num, s);
}
hr_status hr_slice_update_prod(hr_array **out, hr_array *src, hr_array *update, const int *start, size_t start_num,
                               const int *stop, size_t stop_num, const int *strides, size_t strides_num, hr_stream *s) {
  return slice_combine(out, hr_multiply, src, update, start, start_num, stop, stop_num, strides, strides_num, s);
}
hr_status hr_slice_update_max(hr_array **out, hr_array *src, hr_array *update, const int *start, size_t start_num,
                              const int *stop, size_t stop_num, const int *strides, size_t strides_num, hr_stream *s) {
  return slice_combine(out, hr_maximum, src, update, start, start_num, stop, stop_num, strides, strides_num, s);
}
hr_status hr_slice_update_min(hr_array **out, hr_array *src, hr_array *update, const int *start, size_t start_num,
                              const int *stop, size_t stop_num, const int *strides, size_t strides_num, hr_stream *s) {
  return slice_combine(out, hr_minimum, src, update, start, start_num, stop, stop_num, strides, strides_num, s);
}

hr_status hr_slice_update_dynamic(hr_array **out, hr_array *src, hr_array *update, hr_array *start, const int *axes,
                                  size_t axes_num, hr_stream *s) {
  static const char OP[] = "slice_update";
  hr_block_attrs attrs = {0};
  hr_array *cast = NULL, *in[3] = {src, NULL, NULL};
  hr_status status = HR_OK;
  *out = NULL;
  HR_TRY(hr_op_given(OP, src));
  HR_TRY(hr_op_given(OP, update));
  HR_TRY(hr_index_start(&in[2], &attrs, OP, src, start, axes, axes_num, s));
  if (update->ndim > src->ndim)
    HR_TRY(hr_fail(HR_INVALID, "%s: the update has %d axes, the array %d", OP, update->ndim, src->ndim));
  /* Axes that the update lacks are whole axes, or one place where a start is given. */
  int lead = src->ndim - update->ndim;
  for (int i = 0; i < src->ndim; i++) {
    int length = hr_array_shape(src)[i];
    attrs.block[i] = i < lead ? length : hr_array_shape(update)[i - lead];
    if (attrs.block[i] > length)
      HR_TRY(
          hr_fail(HR_INVALID, "%s: axis %d of the update has length %d, the array %d", OP, i, attrs.block[i], length));
  }
  for (int k = 0; k < attrs.index_count; k++)
    if (attrs.axes[k] < lead) attrs.block[attrs.axes[k]] = 1;
  HR_TRY(hr_astype(&cast, update, hr_array_dtype(src), s));
  HR_TRY(hr_broadcast_to(&in[1], cast, attrs.block, src->ndim, s));
  status = hr_apply(out, &hr_op_slice_update_dynamic, in, 3, &attrs, s);
done:
  hr_array_release(cast);
  hr_array_release(in[1]);
  hr_array_release(in[2]);
  return status;
}

/* --- masked_scatter --- */

/* mask as a row-major array of a's shape. */
static hr_status spread_mask(hr_array **out, hr_array *a, hr_array *mask, hr_stream *s) {
  int shape[HR_MAX_NDIM];
  hr_array *longer = NULL, *wide = NULL;
  hr_status status = HR_OK;
  for (int i = 0; i < a->ndim; i++) {
    shape[i] = i < mask->ndim ? hr_array_shape(mask)[i] : 1;
    if (i < mask->ndim && shape[i] != hr_array_shape(a)[i])
      return hr_fail(HR_INVALID, "masked_scatter: axis %d of the mask has length %d, that of the array %d", i, shape[i],
                     hr_array_shape(a)[i]);
  }
  HR_TRY(hr_reshape(&longer, mask, shape, a->ndim, s));
  HR_TRY(hr_broadcast_to(&wide, longer, hr_array_shape(a), a->ndim, s));
  status = hr_row_major(out, wide, s);
done:
  hr_array_release(longer);
  hr_array_release(wide);
  return status;
}

hr_status hr_masked_scatter(hr_array **out, hr_array *a, hr_array *mask, hr_array *src, hr_stream *s) {
  char text[HR_ARRAY_TEXT];
  hr_array *in[3] = {a, NULL, NULL}, *cast = NULL;
  hr_status status = HR_OK;
  *out = NULL;
  HR_TRY(hr_op_given("masked_scatter", a));
  HR_TRY(hr_op_given("masked_scatter", mask));
  HR_TRY(hr_op_given("masked_scatter", src));
  if (hr_array_dtype(mask) != HR_BOOL || mask->ndim > a->ndim)
    return hr_fail(HR_INVALID, "masked_scatter: the mask must be bool with at most %d axes, not %s", a->ndim,
                   hr_array_format(text, mask));
  HR_TRY(spread_mask(&in[1], a, mask, s));
  HR_TRY(hr_astype(&cast, src, hr_array_dtype(a), s));
  HR_TRY(hr_row_major(&in[2], cast, s));
  status = hr_apply(out, &hr_op_masked_scatter, in, 3, NULL, s);
done:
  hr_array_release(cast);
  hr_array_release(in[1]);
  hr_array_release(in[2]);
  return status;
}
