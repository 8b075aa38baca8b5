/* Padding. A constant fills the rest of a larger array; the other modes take elements of the input again, axis by
 * axis. */
#include <string.h>

#include "base/memory.h"
#include "ops/cast.h"
#include "ops/check.h"
#include "ops/index.h"
#include "ops/join.h"
#include "ops/op_list.h"

typedef struct pad_attrs {
  int low[HR_MAX_NDIM], high[HR_MAX_NDIM];
} pad_attrs;

static hr_status pad_infer(hr_layout *out, const hr_op_call *call) {
  const pad_attrs *attrs = call->attrs;
  const hr_array *a = call->in[0];
  int shape[HR_MAX_NDIM];
  for (int i = 0; i < a->ndim; i++) {
    int64_t length = (int64_t)attrs->low[i] + hr_array_shape(a)[i] + attrs->high[i];
    if (length > INT32_MAX)
      return hr_fail(HR_UNSUPPORTED, "pad: axis %d becomes %lld elements long", i, (long long)length);
    shape[i] = (int)length;
  }
  return hr_layout_set(out, shape, a->ndim, hr_array_dtype(a));
}

/* low[] comes first in attrs: hr_cpu_pad reads the place of the input from there. */
const hr_op hr_op_pad = {.name = "pad",
                         .arity = 2,
                         .outputs = 1,
                         .traits = HR_OP_LINEAR,
                         .attrs_size = sizeof(pad_attrs),
                         .infer = pad_infer,
                         .run = {[HR_BACKEND_CPU] = hr_cpu_pad}};

/* Which element of an axis of `length` stands at `place`, which may be outside. */
static int64_t edge_source(int64_t place, int64_t length) {
  return place < 0 ? 0 : place >= length ? length - 1 : place;
}

static int64_t mirror_source(int64_t place, int64_t length, int64_t twice) {
  if (length == 1) return 0;
  int64_t period = 2 * (length - 1 + twice);
  place = (place % period + period) % period;
  return place < length ? place : period - place - twice;
}

static hr_status pad_axis(hr_array **out, hr_array *a, int axis, int low, int high, const char *mode, hr_stream *s) {
  int length = hr_array_shape(a)[axis];
  hr_array *index = NULL;
  hr_status status = HR_OK;
  int64_t total = (int64_t)low + length + high;
  if (length == 0) return hr_fail(HR_INVALID, "pad: mode %s needs elements on axis %d", mode, axis);
  if (total > INT32_MAX) return hr_fail(HR_UNSUPPORTED, "pad: axis %d becomes too long", axis);
  int shape = (int)total;
  HR_TRY(hr_array_new_empty(&index, &shape, 1, HR_INT32));
  int32_t *at = hr_array_data(index);
  for (int64_t i = 0; i < total; i++)
    at[i] = (int32_t)(mode[0] == 'e' ? edge_source(i - low, length) : mirror_source(i - low, length, mode[0] == 's'));
  status = hr_take_axis(out, a, index, axis, s);
done:
  hr_array_release(index);
  return status;
}

static hr_status pad_by_taking(hr_array **out, hr_array *a, const pad_attrs *attrs, const char *mode, hr_stream *s) {
  hr_array *now = hr_array_retain(a), *next = NULL;
  hr_status status = HR_OK;
  for (int i = 0; i < a->ndim; i++) {
    if (attrs->low[i] == 0 && attrs->high[i] == 0) continue;
    HR_TRY(pad_axis(&next, now, i, attrs->low[i], attrs->high[i], mode, s));
    hr_array_release(now);
    now = next, next = NULL;
  }
  *out = now, now = NULL;
done:
  hr_array_release(now);
  return status;
}

static hr_status pad_constant(hr_array **out, hr_array *a, const pad_attrs *attrs, hr_array *value, hr_stream *s) {
  hr_array *in[2] = {a, NULL};
  hr_status status = HR_OK;
  HR_TRY(hr_op_given("pad", value));
  if (value->size != 1) return hr_fail(HR_INVALID, "pad: the value has %lld elements, not one", (long long)value->size);
  HR_TRY(hr_astype(&in[1], value, hr_array_dtype(a), s));
  status = hr_apply(out, &hr_op_pad, in, 2, attrs, s);
done:
  hr_array_release(in[1]);
  return status;
}

static bool known_mode(const char *mode) {
  static const char *const MODES[] = {"constant", "edge", "reflect", "symmetric"};
  for (int i = 0; mode && i < 4; i++)
    if (!strcmp(mode, MODES[i])) return true;
  return false;
}

hr_status hr_pad(hr_array **out, hr_array *a, const int *axes, size_t axes_num, const int *low_pad_size,
                 size_t low_pad_size_num, const int *high_pad_size, size_t high_pad_size_num, hr_array *pad_value,
                 const char *mode, hr_stream *s) {
  pad_attrs attrs = {0};
  uint32_t mask;
  hr_status status = HR_OK;
  *out = NULL;
  HR_TRY(hr_op_given("pad", a));
  if (!known_mode(mode)) return hr_fail(HR_INVALID, "pad: mode \"%s\" is unknown", mode ? mode : "");
  if (axes_num != low_pad_size_num || axes_num != high_pad_size_num)
    return hr_fail(HR_INVALID, "pad: %zu axes, %zu low and %zu high sizes", axes_num, low_pad_size_num,
                   high_pad_size_num);
  HR_TRY(hr_op_axis_mask(&mask, "pad", axes, axes_num, a->ndim));
  for (size_t i = 0; i < axes_num; i++) {
    int axis = axes[i] < 0 ? axes[i] + a->ndim : axes[i];
    if (low_pad_size[i] < 0 || high_pad_size[i] < 0)
      return hr_fail(HR_INVALID, "pad: sizes %d and %d of axis %d: none may be negative", low_pad_size[i],
                     high_pad_size[i], axis);
    attrs.low[axis] = low_pad_size[i], attrs.high[axis] = high_pad_size[i];
  }
  status = mode[0] == 'c' ? pad_constant(out, a, &attrs, pad_value, s) : pad_by_taking(out, a, &attrs, mode, s);
done:
  return status;
}

hr_status hr_pad_symmetric(hr_array **out, hr_array *a, int pad_width, hr_array *pad_value, const char *mode,
                           hr_stream *s) {
  int axes[HR_MAX_NDIM], widths[HR_MAX_NDIM];
  *out = NULL;
  hr_status status = hr_op_given("pad", a);
  if (status != HR_OK) return status;
  for (int i = 0; i < a->ndim; i++) axes[i] = i, widths[i] = pad_width;
  size_t ndim = a->ndim;
  return hr_pad(out, a, axes, ndim, widths, ndim, widths, ndim, pad_value, mode, s);
}
