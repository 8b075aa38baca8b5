#include "mlx/c/graph_utils.h"

#include "capi/handle.h"
#include "graph/draw.h"

mlx_node_namer mlx_node_namer_new(void) {
  hr_namer *namer = NULL;
  (void)hr_capi_result("mlx_node_namer_new", hr_namer_new(&namer));
  return (mlx_node_namer){namer};
}

int mlx_node_namer_free(mlx_node_namer namer) {
  hr_namer_free(namer.ctx);
  return 0;
}

int mlx_node_namer_set_name(mlx_node_namer namer, const mlx_array arr, const char *name) {
  hr_array *array;
  hr_status status;
  HR_TRY(hr_need_handle(namer.ctx, "namer"));
  HR_TRY(hr_take_array(&array, arr, "arr"));
  HR_TRY(hr_need_pointer(name, "name"));
  HR_TRY(hr_namer_set(namer.ctx, array, name));
done:
  return hr_capi_result("mlx_node_namer_set_name", status);
}

int mlx_node_namer_get_name(const char **name, mlx_node_namer namer, const mlx_array arr) {
  hr_array *array;
  hr_status status;
  HR_TRY(hr_need_pointer(name, "name"));
  HR_TRY(hr_need_handle(namer.ctx, "namer"));
  HR_TRY(hr_take_array(&array, arr, "arr"));
  HR_TRY(hr_namer_get(name, namer.ctx, array));
done:
  return hr_capi_result("mlx_node_namer_get_name", status);
}

static int draw(const char *call, FILE *os, hr_namer *namer, const mlx_vector_array outputs,
                hr_status (*form)(FILE *file, hr_namer *namer, const hr_array_list *outputs)) {
  hr_array_list list;
  hr_status status;
  HR_TRY(hr_need_pointer(os, "os"));
  HR_TRY(hr_need_handle(namer, "namer"));
  HR_TRY(hr_take_arrays(&list, outputs, "outputs"));
  HR_TRY(form(os, namer, &list));
done:
  return hr_capi_result(call, status);
}

int mlx_export_to_dot(FILE *os, const mlx_node_namer namer, const mlx_vector_array outputs) {
  return draw("mlx_export_to_dot", os, namer.ctx, outputs, hr_draw_dot);
}

int mlx_print_graph(FILE *os, const mlx_node_namer namer, const mlx_vector_array outputs) {
  return draw("mlx_print_graph", os, namer.ctx, outputs, hr_draw_steps);
}
