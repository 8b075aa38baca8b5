/* src/capi/hr_array.c - headrace/array.h. */
#include "headrace/array.h"

#include "base/memory.h"
#include "capi/handle.h"
#include "graph/eval.h"
#include "ops/random_internal.h"

enum { FEW = 16 }; /* arrays for which nothing is allocated */

typedef hr_status (*eval_fn)(hr_array *const *arrays, size_t count, int64_t timeout_ns);

static hr_status queue(hr_array *const *arrays, size_t count, int64_t timeout_ns) {
  (void)timeout_ns;
  return hr_async_eval(arrays, count);
}

static hr_status evaluate(const mlx_array *arrays, size_t count, int64_t timeout_ns, eval_fn eval) {
  hr_array *few[FEW], **all = few;
  hr_status status;
  HR_TRY(hr_need_values(arrays, count, "arrays"));
  if (count > FEW) {
    all = count <= SIZE_MAX / sizeof *all ? hr_alloc(count * sizeof *all) : NULL;
    if (!all) HR_TRY(hr_fail(HR_OUT_OF_MEMORY, "no memory for %zu arrays", count));
  }
  for (size_t i = 0; i < count; i++) HR_TRY(hr_take_array(&all[i], arrays[i], "arrays"));
  HR_TRY(eval(all, count, timeout_ns));
done:
  if (all != few) hr_free(all);
  return status;
}

hr_status hr_arrays_eval(const mlx_array *arrays, size_t count, int64_t timeout_ns) {
  return hr_capi_status("hr_arrays_eval", evaluate(arrays, count, timeout_ns, hr_eval_within));
}

hr_status hr_arrays_async_eval(const mlx_array *arrays, size_t count) {
  return hr_capi_status("hr_arrays_async_eval", evaluate(arrays, count, 0, queue));
}

hr_status hr_random_state(mlx_array *res) {
  hr_array *key = NULL;
  hr_status status;
  HR_TRY(hr_need_pointer(res, "res"));
  HR_TRY(hr_random_thread_key(&key));
  HR_TRY(hr_give_array(res, key));
done:
  return hr_capi_status("hr_random_state", status);
}
