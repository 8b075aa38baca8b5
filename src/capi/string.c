#include "mlx/c/string.h"

#include "base/memory.h"
#include "capi/handle.h"

mlx_string mlx_string_new(void) { return mlx_string_new_data(""); }

mlx_string mlx_string_new_data(const char *str) {
  mlx_string handle = {0};
  hr_status status = hr_need_pointer(str, "str");
  if (status == HR_OK) status = hr_give_string(&handle, str);
  (void)hr_capi_result("mlx_string_new_data", status);
  return handle;
}

int mlx_string_set(mlx_string *str, const mlx_string src) {
  const hr_string_box *box = src.ctx;
  hr_status status = HR_OK;
  HR_TRY(hr_need_pointer(str, "str"));
  HR_TRY(hr_need_handle(box, "src"));
  HR_TRY(hr_give_string(str, box->text));
done:
  return hr_capi_result("mlx_string_set", status);
}

const char *mlx_string_data(mlx_string str) {
  if (str.ctx) return ((const hr_string_box *)str.ctx)->text;
  (void)hr_capi_failed("mlx_string_data", hr_refuse_empty("str"));
  return NULL;
}

int mlx_string_free(mlx_string str) {
  hr_string_box *box = str.ctx;
  if (box) {
    hr_free(box->text);
    hr_slab_free(box, sizeof *box);
  }
  return 0;
}
