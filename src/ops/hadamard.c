/* src/ops/hadamard.c - see hadamard.h. */
#include "ops/hadamard.h"

#include <math.h>

#include "ops/cast.h"
#include "ops/op_list.h"

static hr_status hadamard_infer(hr_layout *out, const hr_op_call *call) {
  const hr_array *in = call->in[0];
  return hr_layout_set(out, hr_array_shape(in), in->ndim, hr_array_dtype(in));
}

/* Half a nanosecond an element. */
static uint64_t hadamard_cost(const hr_op_call *call, hr_array *const *out) {
  (void)call;
  return 200 + (uint64_t)out[0]->size / 2;
}

static bool attrs_equal(const void *a, const void *b) {
  const hr_hadamard_attrs *x = a, *y = b;
  return x->m == y->m && x->scale == y->scale;
}

const hr_op hr_op_hadamard = {
    .name = "hadamard_transform",
    .arity = 1,
    .outputs = 1,
    .attrs_size = sizeof(hr_hadamard_attrs),
    .traits = HR_OP_LINEAR,
    .infer = hadamard_infer,
    .cost = hadamard_cost,
    .run = {[HR_BACKEND_CPU] = hr_cpu_hadamard},
    .attrs_equal = attrs_equal,
};

/* n = m 2^k, or 0. */
static int factor_of(int n) {
  static const int factors[] = {1, 12, 20, 28};
  for (int i = 0; i < 4; i++) {
    int rest = n / factors[i];
    if (n % factors[i] == 0 && (rest & (rest - 1)) == 0) return factors[i];
  }
  return 0;
}

hr_status hr_hadamard_transform(hr_array **out, hr_array *a, hr_optional_float scale, hr_stream *s) {
  char text[HR_ARRAY_TEXT];
  hr_array *x;
  *out = NULL;
  if (a->size == 0) return hr_fail(HR_INVALID, "hadamard_transform: %s has no elements", hr_array_format(text, a));
  int n = a->ndim ? hr_array_shape(a)[a->ndim - 1] : 1;
  hr_hadamard_attrs attrs = {factor_of(n), scale.has_value ? (double)scale.value : 1 / sqrt((double)n)};
  if (!attrs.m) return hr_fail(HR_INVALID, "hadamard_transform: length %d is not m * 2^k with m = 1, 12, 20 or 28", n);
  hr_dtype dtype = hr_dtype_is_float(hr_array_dtype(a)) ? hr_array_dtype(a) : HR_FLOAT32;
  hr_status status = hr_astype(&x, a, dtype, s);
  if (status != HR_OK) return status;
  status = hr_apply(out, &hr_op_hadamard, &x, 1, &attrs, s);
  hr_array_release(x);
  return status;
}
