/* src/ops/sort.c - see sort.h. */
#include "ops/sort.h"

#include <string.h>

#include "ops/check.h"
#include "ops/op_list.h"
#include "ops/shape.h"

static hr_status sort_infer(hr_layout *out, const hr_op_call *call) {
  const hr_sort_attrs *attrs = call->attrs;
  const hr_array *in = call->in[0];
  int kind = call->op->kernel, shape[HR_MAX_NDIM];
  bool places = kind == HR_SORT_ARGSORT || kind == HR_SORT_ARGPARTITION;
  memcpy(shape, hr_array_shape(in), sizeof *shape * in->ndim);
  if (kind == HR_SORT_TOPK) shape[attrs->axis] -= (int)attrs->kth;
  return hr_layout_set(out, shape, in->ndim, places ? HR_UINT32 : hr_array_dtype(in));
}

static bool sort_attrs_equal(const void *a, const void *b) {
  const hr_sort_attrs *x = a, *y = b;
  return x->axis == y->axis && x->kth == y->kth;
}

#define SORT_OP(op_name, number)                                                                      \
  {                                                                                                   \
    .name = op_name, .arity = 1, .outputs = 1, .attrs_size = sizeof(hr_sort_attrs), .kernel = number, \
    .infer = sort_infer, .run = {[HR_BACKEND_CPU] = hr_cpu_sort}, .attrs_equal = sort_attrs_equal     \
  }

const hr_op hr_op_sort = SORT_OP("sort", HR_SORT_SORT);
const hr_op hr_op_argsort = SORT_OP("argsort", HR_SORT_ARGSORT);
const hr_op hr_op_partition = SORT_OP("partition", HR_SORT_PARTITION);
const hr_op hr_op_argpartition = SORT_OP("argpartition", HR_SORT_ARGPARTITION);
const hr_op hr_op_topk = SORT_OP("topk", HR_SORT_TOPK);

/* kth or k as the caller gave it, to the place in a row of `length` elements. */
static hr_status resolve_kth(int64_t *out, const hr_op *op, int given, int axis, const hr_array *a) {
  char text[HR_ARRAY_TEXT];
  int length = hr_array_shape(a)[axis];
  bool topk = op->kernel == HR_SORT_TOPK;
  *out = topk ? (int64_t)length - given : given < 0 ? (int64_t)given + length : given;
  if (topk ? given >= 0 && given <= length : *out >= 0 && *out < length) return HR_OK;
  return hr_fail(HR_INVALID, "%s: %s is %d, which is outside axis %d of %s", op->name, topk ? "k" : "kth", given, axis,
                 hr_array_format(text, a));
}

static hr_status sort_axis(hr_array **out, const hr_op *op, hr_array *a, int given, int axis, hr_stream *s) {
  hr_sort_attrs attrs = {0};
  *out = NULL;
  hr_status status = hr_op_axis(&attrs.axis, op->name, axis, a->ndim);
  if (status == HR_OK && op->kernel >= HR_SORT_PARTITION) status = resolve_kth(&attrs.kth, op, given, attrs.axis, a);
  return status == HR_OK ? hr_apply(out, op, &a, 1, &attrs, s) : status;
}

static hr_status sort_flat(hr_array **out, const hr_op *op, hr_array *a, int given, hr_stream *s) {
  hr_array *flat;
  *out = NULL;
  hr_status status = hr_flatten(&flat, a, 0, -1, s);
  if (status != HR_OK) return hr_fail_prefix(status, "%s: ", op->name);
  status = sort_axis(out, op, flat, given, 0, s);
  hr_array_release(flat);
  return status;
}

hr_status hr_sort(hr_array **out, hr_array *a, hr_stream *s) { return sort_flat(out, &hr_op_sort, a, 0, s); }
hr_status hr_sort_axis(hr_array **out, hr_array *a, int axis, hr_stream *s) {
  return sort_axis(out, &hr_op_sort, a, 0, axis, s);
}
hr_status hr_argsort(hr_array **out, hr_array *a, hr_stream *s) { return sort_flat(out, &hr_op_argsort, a, 0, s); }
hr_status hr_argsort_axis(hr_array **out, hr_array *a, int axis, hr_stream *s) {
  return sort_axis(out, &hr_op_argsort, a, 0, axis, s);
}
hr_status hr_partition(hr_array **out, hr_array *a, int kth, hr_stream *s) {
  return sort_flat(out, &hr_op_partition, a, kth, s);
}
hr_status hr_partition_axis(hr_array **out, hr_array *a, int kth, int axis, hr_stream *s) {
  return sort_axis(out, &hr_op_partition, a, kth, axis, s);
}
hr_status hr_argpartition(hr_array **out, hr_array *a, int kth, hr_stream *s) {
  return sort_flat(out, &hr_op_argpartition, a, kth, s);
}
hr_status hr_argpartition_axis(hr_array **out, hr_array *a, int kth, int axis, hr_stream *s) {
  return sort_axis(out, &hr_op_argpartition, a, kth, axis, s);
}
hr_status hr_topk(hr_array **out, hr_array *a, int k, hr_stream *s) { return sort_flat(out, &hr_op_topk, a, k, s); }
hr_status hr_topk_axis(hr_array **out, hr_array *a, int k, int axis, hr_stream *s) {
  return sort_axis(out, &hr_op_topk, a, k, axis, s);
}
