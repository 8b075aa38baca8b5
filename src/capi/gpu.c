/* What exists on other machines only: without Metal and CUDA these calls answer so. */
#include "capi/handle.h"
#include "graph/backends.h"
#include "mlx/c/cuda.h"
#include "mlx/c/metal.h"

static hr_status no_metal(void) { return hr_fail(HR_UNSUPPORTED, "there is no Metal device on this system"); }

int mlx_cuda_is_available(bool *res) {
  hr_status status = hr_need_pointer(res, "res");
  if (status == HR_OK) *res = hr_device_count(HR_DEVICE_GPU) > 0;
  return hr_capi_result("mlx_cuda_is_available", status);
}

int mlx_metal_is_available(bool *res) {
  hr_status status = hr_need_pointer(res, "res");
  if (status == HR_OK) *res = false;
  return hr_capi_result("mlx_metal_is_available", status);
}

int mlx_metal_start_capture(const char *path) {
  return hr_capi_result("mlx_metal_start_capture", path ? no_metal() : hr_refuse_null("path"));
}

int mlx_metal_stop_capture(void) { return hr_capi_failed("mlx_metal_stop_capture", no_metal()); }
