#include "mlx/c/transforms.h"

#include "capi/handle.h"
#include "graph/eval.h"

int mlx_eval(const mlx_vector_array outputs) {
  hr_array_list list;
  hr_status status = hr_take_arrays(&list, outputs, "outputs");
  if (status == HR_OK) status = hr_eval(list.items, list.count);
  return hr_capi_result("mlx_eval", status);
}

int mlx_async_eval(const mlx_vector_array outputs) {
  hr_array_list list;
  hr_status status = hr_take_arrays(&list, outputs, "outputs");
  if (status == HR_OK) status = hr_async_eval(list.items, list.count);
  return hr_capi_result("mlx_async_eval", status);
}
