/* Kernels of the program's own, in the languages of Metal and CUDA. Without such a device they can be described and
 * checked, and applying one is an error: so a description keeps what the checks need and no more. */
#include "base/memory.h"
#include "capi/handle.h"
#include "mlx/c/fast.h"

typedef struct config {
  size_t outputs;
  bool has_grid, has_thread_group;
} config;

typedef struct kernel {
  char *name;
  size_t inputs, outputs;
} kernel;

/* --- both languages --- */

static void *config_new(const char *call) {
  config *c = hr_alloc_zero(sizeof *c);
  if (!c) (void)hr_capi_failed(call, hr_fail(HR_OUT_OF_MEMORY, "no memory for a configuration"));
  return c;
}

static hr_status add_output(config *c, const int *shape, size_t size, mlx_dtype dtype) {
  hr_layout layout;
  hr_dtype checked;
  hr_status status;
  HR_TRY(hr_need_handle(c, "cls"));
  HR_TRY(hr_need_values(shape, size, "shape"));
  HR_TRY(hr_take_dtype(&checked, dtype, "dtype"));
  if (size > HR_MAX_NDIM) HR_TRY(hr_fail(HR_INVALID, "an output of %zu axes: 0 to %d are possible", size, HR_MAX_NDIM));
  HR_TRY(hr_layout_set(&layout, shape, (int)size, checked));
  c->outputs++;
done:
  return status;
}

static hr_status set_extent(config *c, bool *is_set, int x, int y, int z) {
  if (!c) return hr_refuse_empty("cls");
  if (x < 1 || y < 1 || z < 1) return hr_fail(HR_INVALID, "(%d, %d, %d) threads: each must be at least 1", x, y, z);
  *is_set = true;
  return HR_OK;
}

static hr_status check_argument(const config *c, const char *name) {
  return c ? hr_need_pointer(name, "name") : hr_refuse_empty("cls");
}

static void *kernel_new(const char *call, const char *name, mlx_vector_string inputs, mlx_vector_string outputs,
                        const char *source, const char *header) {
  kernel *k = NULL;
  hr_status status;
  HR_TRY(hr_need_pointer(name, "name"));
  HR_TRY(hr_need_handle(inputs.ctx, "input_names"));
  HR_TRY(hr_need_handle(outputs.ctx, "output_names"));
  HR_TRY(hr_need_pointer(source, "source"));
  HR_TRY(hr_need_pointer(header, "header"));
  k = hr_alloc_zero(sizeof *k);
  if (k) k->name = hr_strdup(name);
  if (!k || !k->name) HR_TRY(hr_fail(HR_OUT_OF_MEMORY, "no memory for a kernel"));
  k->inputs = ((const hr_vector *)inputs.ctx)->count;
  k->outputs = ((const hr_vector *)outputs.ctx)->count;
  return k;
done:
  hr_free(k);
  (void)hr_capi_failed(call, status);
  return NULL;
}

static void kernel_free(kernel *k) {
  if (k) hr_free(k->name);
  hr_free(k);
}

static hr_status apply(const void *outputs, const kernel *k, mlx_vector_array inputs, const config *c,
                       const char *device) {
  hr_array_list in;
  hr_status status;
  HR_TRY(hr_need_pointer(outputs, "outputs"));
  HR_TRY(hr_need_handle(k, "cls"));
  HR_TRY(hr_take_arrays(&in, inputs, "inputs"));
  HR_TRY(hr_need_handle(c, "config"));
  if (in.count != k->inputs || c->outputs != k->outputs)
    HR_TRY(hr_fail(HR_INVALID, "kernel \"%s\" has %zu inputs and %zu outputs, not %zu and %zu", k->name, k->inputs,
                   k->outputs, in.count, c->outputs));
  if (!c->has_grid || !c->has_thread_group)
    HR_TRY(hr_fail(HR_INVALID, "kernel \"%s\": the configuration has no grid or no thread group", k->name));
  status = hr_fail(HR_UNSUPPORTED, "kernel \"%s\" cannot run: there is no %s device on this system", k->name, device);
done:
  return status;
}

/* --- Metal --- */

mlx_fast_metal_kernel_config mlx_fast_metal_kernel_config_new(void) {
  return (mlx_fast_metal_kernel_config){config_new("mlx_fast_metal_kernel_config_new")};
}
void mlx_fast_metal_kernel_config_free(mlx_fast_metal_kernel_config cls) { hr_free(cls.ctx); }

int mlx_fast_metal_kernel_config_add_output_arg(mlx_fast_metal_kernel_config cls, const int *shape, size_t size,
                                                mlx_dtype dtype) {
  return hr_capi_result("mlx_fast_metal_kernel_config_add_output_arg", add_output(cls.ctx, shape, size, dtype));
}
int mlx_fast_metal_kernel_config_set_grid(mlx_fast_metal_kernel_config cls, int grid1, int grid2, int grid3) {
  config *c = cls.ctx;
  hr_status status = set_extent(c, c ? &c->has_grid : NULL, grid1, grid2, grid3);
  return hr_capi_result("mlx_fast_metal_kernel_config_set_grid", status);
}
int mlx_fast_metal_kernel_config_set_thread_group(mlx_fast_metal_kernel_config cls, int thread1, int thread2,
                                                  int thread3) {
  config *c = cls.ctx;
  hr_status status = set_extent(c, c ? &c->has_thread_group : NULL, thread1, thread2, thread3);
  return hr_capi_result("mlx_fast_metal_kernel_config_set_thread_group", status);
}
int mlx_fast_metal_kernel_config_set_init_value(mlx_fast_metal_kernel_config cls, float value) {
  (void)value;
  return hr_capi_result("mlx_fast_metal_kernel_config_set_init_value", hr_need_handle(cls.ctx, "cls"));
}
int mlx_fast_metal_kernel_config_set_verbose(mlx_fast_metal_kernel_config cls, bool verbose) {
  (void)verbose;
  return hr_capi_result("mlx_fast_metal_kernel_config_set_verbose", hr_need_handle(cls.ctx, "cls"));
}
int mlx_fast_metal_kernel_config_add_template_arg_dtype(mlx_fast_metal_kernel_config cls, const char *name,
                                                        mlx_dtype dtype) {
  hr_dtype checked;
  hr_status status = check_argument(cls.ctx, name);
  if (status == HR_OK) status = hr_take_dtype(&checked, dtype, "dtype");
  return hr_capi_result("mlx_fast_metal_kernel_config_add_template_arg_dtype", status);
}
int mlx_fast_metal_kernel_config_add_template_arg_int(mlx_fast_metal_kernel_config cls, const char *name, int value) {
  (void)value;
  return hr_capi_result("mlx_fast_metal_kernel_config_add_template_arg_int", check_argument(cls.ctx, name));
}
int mlx_fast_metal_kernel_config_add_template_arg_bool(mlx_fast_metal_kernel_config cls, const char *name, bool value) {
  (void)value;
  return hr_capi_result("mlx_fast_metal_kernel_config_add_template_arg_bool", check_argument(cls.ctx, name));
}

mlx_fast_metal_kernel mlx_fast_metal_kernel_new(const char *name, const mlx_vector_string input_names,
                                                const mlx_vector_string output_names, const char *source,
                                                const char *header, bool ensure_row_contiguous, bool atomic_outputs) {
  (void)ensure_row_contiguous, (void)atomic_outputs;
  return (mlx_fast_metal_kernel){
      kernel_new("mlx_fast_metal_kernel_new", name, input_names, output_names, source, header)};
}
void mlx_fast_metal_kernel_free(mlx_fast_metal_kernel cls) { kernel_free(cls.ctx); }

int mlx_fast_metal_kernel_apply(mlx_vector_array *outputs, mlx_fast_metal_kernel cls, const mlx_vector_array inputs,
                                const mlx_fast_metal_kernel_config config, const mlx_stream stream) {
  (void)stream;
  return hr_capi_failed("mlx_fast_metal_kernel_apply", apply(outputs, cls.ctx, inputs, config.ctx, "Metal"));
}

/* --- CUDA --- */

mlx_fast_cuda_kernel_config mlx_fast_cuda_kernel_config_new(void) {
  return (mlx_fast_cuda_kernel_config){config_new("mlx_fast_cuda_kernel_config_new")};
}
void mlx_fast_cuda_kernel_config_free(mlx_fast_cuda_kernel_config cls) { hr_free(cls.ctx); }

int mlx_fast_cuda_kernel_config_add_output_arg(mlx_fast_cuda_kernel_config cls, const int *shape, size_t size,
                                               mlx_dtype dtype) {
  return hr_capi_result("mlx_fast_cuda_kernel_config_add_output_arg", add_output(cls.ctx, shape, size, dtype));
}
int mlx_fast_cuda_kernel_config_set_grid(mlx_fast_cuda_kernel_config cls, int grid1, int grid2, int grid3) {
  config *c = cls.ctx;
  hr_status status = set_extent(c, c ? &c->has_grid : NULL, grid1, grid2, grid3);
  return hr_capi_result("mlx_fast_cuda_kernel_config_set_grid", status);
}
int mlx_fast_cuda_kernel_config_set_thread_group(mlx_fast_cuda_kernel_config cls, int thread1, int thread2,
                                                 int thread3) {
  config *c = cls.ctx;
  hr_status status = set_extent(c, c ? &c->has_thread_group : NULL, thread1, thread2, thread3);
  return hr_capi_result("mlx_fast_cuda_kernel_config_set_thread_group", status);
}
int mlx_fast_cuda_kernel_config_set_init_value(mlx_fast_cuda_kernel_config cls, float value) {
  (void)value;
  return hr_capi_result("mlx_fast_cuda_kernel_config_set_init_value", hr_need_handle(cls.ctx, "cls"));
}
int mlx_fast_cuda_kernel_config_set_verbose(mlx_fast_cuda_kernel_config cls, bool verbose) {
  (void)verbose;
  return hr_capi_result("mlx_fast_cuda_kernel_config_set_verbose", hr_need_handle(cls.ctx, "cls"));
}
int mlx_fast_cuda_kernel_config_add_template_arg_dtype(mlx_fast_cuda_kernel_config cls, const char *name,
                                                       mlx_dtype dtype) {
  hr_dtype checked;
  hr_status status = check_argument(cls.ctx, name);
  if (status == HR_OK) status = hr_take_dtype(&checked, dtype, "dtype");
  return hr_capi_result("mlx_fast_cuda_kernel_config_add_template_arg_dtype", status);
}
int mlx_fast_cuda_kernel_config_add_template_arg_int(mlx_fast_cuda_kernel_config cls, const char *name, int value) {
  (void)value;
  return hr_capi_result("mlx_fast_cuda_kernel_config_add_template_arg_int", check_argument(cls.ctx, name));
}
int mlx_fast_cuda_kernel_config_add_template_arg_bool(mlx_fast_cuda_kernel_config cls, const char *name, bool value) {
  (void)value;
  return hr_capi_result("mlx_fast_cuda_kernel_config_add_template_arg_bool", check_argument(cls.ctx, name));
}

mlx_fast_cuda_kernel mlx_fast_cuda_kernel_new(const char *name, const mlx_vector_string input_names,
                                              const mlx_vector_string output_names, const char *source,
                                              const char *header, bool ensure_row_contiguous, int shared_memory) {
  (void)ensure_row_contiguous, (void)shared_memory;
  return (mlx_fast_cuda_kernel){
      kernel_new("mlx_fast_cuda_kernel_new", name, input_names, output_names, source, header)};
}
void mlx_fast_cuda_kernel_free(mlx_fast_cuda_kernel cls) { kernel_free(cls.ctx); }

int mlx_fast_cuda_kernel_apply(mlx_vector_array *outputs, mlx_fast_cuda_kernel cls, const mlx_vector_array inputs,
                               const mlx_fast_cuda_kernel_config config, const mlx_stream stream) {
  (void)stream;
  return hr_capi_failed("mlx_fast_cuda_kernel_apply", apply(outputs, cls.ctx, inputs, config.ctx, "CUDA"));
}
