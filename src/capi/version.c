#include "mlx/c/version.h"

#include "capi/handle.h"

/* The version of MLX whose interface, names and results this library follows. */
int mlx_version(mlx_string *str_) {
  hr_status status = hr_need_pointer(str_, "str_");
  if (status == HR_OK) status = hr_give_string(str_, "0.32.4");
  return hr_capi_result("mlx_version", status);
}
