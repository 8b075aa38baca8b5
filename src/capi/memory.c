#include "mlx/c/memory.h"

#include "array/host_memory.h"
#include "capi/handle.h"

static int answer(const char *call, size_t *res, size_t (*question)(void)) {
  hr_status status = hr_need_pointer(res, "res");
  if (status == HR_OK) *res = question();
  return hr_capi_result(call, status);
}

static int set(const char *call, size_t *res, size_t limit, size_t (*change)(size_t)) {
  hr_status status = hr_need_pointer(res, "res");
  if (status == HR_OK) *res = change(limit);
  return hr_capi_result(call, status);
}

int mlx_clear_cache(void) {
  hr_memory_cache_clear();
  return 0;
}

int mlx_reset_peak_memory(void) {
  hr_memory_peak_reset();
  return 0;
}

int mlx_get_active_memory(size_t *res) { return answer("mlx_get_active_memory", res, hr_memory_active); }
int mlx_get_cache_memory(size_t *res) { return answer("mlx_get_cache_memory", res, hr_memory_cache); }
int mlx_get_memory_limit(size_t *res) { return answer("mlx_get_memory_limit", res, hr_memory_limit_get); }
int mlx_get_peak_memory(size_t *res) { return answer("mlx_get_peak_memory", res, hr_memory_peak); }

int mlx_set_cache_limit(size_t *res, size_t limit) {
  return set("mlx_set_cache_limit", res, limit, hr_memory_cache_limit_set);
}
int mlx_set_memory_limit(size_t *res, size_t limit) {
  return set("mlx_set_memory_limit", res, limit, hr_memory_limit_set);
}

/* Wired memory is a notion of Apple's GPUs. */
int mlx_set_wired_limit(size_t *res, size_t limit) {
  hr_status status;
  HR_TRY(hr_need_pointer(res, "res"));
  if (limit) HR_TRY(hr_fail(HR_UNSUPPORTED, "memory cannot be wired on this system: the limit can only be 0"));
  *res = 0;
done:
  return hr_capi_result("mlx_set_wired_limit", status);
}
