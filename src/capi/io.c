/* Reading and writing files. */
#include "mlx/c/io.h"

#include "base/memory.h"
#include "capi/handle.h"
#include "capi/map.h"
#include "io/gguf.h"
#include "io/npy.h"
#include "io/safetensors.h"

int mlx_load(mlx_array *res, const char *file, const mlx_stream s) {
  hr_array *array = NULL;
  hr_stream *stream;
  hr_status status;
  HR_TRY(hr_need_pointer(res, "res"));
  HR_TRY(hr_need_pointer(file, "file"));
  HR_TRY(hr_take_stream(&stream, s));
  HR_TRY(hr_load(&array, file, stream));
  HR_TRY(hr_give_array(res, array));
done:
  return hr_capi_result("mlx_load", status);
}

int mlx_load_reader(mlx_array *res, mlx_io_reader in_stream, const mlx_stream s) {
  hr_array *array = NULL;
  hr_stream *stream;
  hr_status status;
  HR_TRY(hr_need_pointer(res, "res"));
  HR_TRY(hr_need_handle(in_stream.ctx, "in_stream"));
  HR_TRY(hr_take_stream(&stream, s));
  HR_TRY(hr_load_reader(&array, in_stream.ctx, stream));
  HR_TRY(hr_give_array(res, array));
done:
  return hr_capi_result("mlx_load_reader", status);
}

int mlx_save(const char *file, const mlx_array a) {
  hr_array *array = NULL;
  hr_status status;
  HR_TRY(hr_need_pointer(file, "file"));
  HR_TRY(hr_take_array(&array, a, "a"));
  HR_TRY(hr_save(file, array));
done:
  return hr_capi_result("mlx_save", status);
}

int mlx_save_writer(mlx_io_writer out_stream, const mlx_array a) {
  hr_array *array = NULL;
  hr_status status;
  HR_TRY(hr_need_handle(out_stream.ctx, "out_stream"));
  HR_TRY(hr_take_array(&array, a, "a"));
  HR_TRY(hr_save_writer(out_stream.ctx, array));
done:
  return hr_capi_result("mlx_save_writer", status);
}

/* --- safetensors --- */

/* `path`, or else `reader`, into both maps. */
static int load_safetensors(const char *call, mlx_map_string_to_array *res_0, mlx_map_string_to_string *res_1,
                            const char *path, hr_io_file *reader, const mlx_stream s) {
  hr_map arrays, metadata;
  hr_stream *stream;
  hr_status status;
  hr_map_init(&arrays, hr_map_drop_array);
  hr_map_init(&metadata, hr_free);
  HR_TRY(hr_need_pointer(res_0, "res_0"));
  HR_TRY(hr_need_pointer(res_1, "res_1"));
  HR_TRY(hr_take_stream(&stream, s));
  HR_TRY(path ? hr_load_safetensors(&arrays, &metadata, path, stream)
              : hr_load_safetensors_reader(&arrays, &metadata, reader, stream));
  HR_TRY(hr_give_map(&res_0->ctx, &arrays));
  HR_TRY(hr_give_map(&res_1->ctx, &metadata));
done:
  hr_map_deinit(&arrays);
  hr_map_deinit(&metadata);
  return hr_capi_result(call, status);
}

int mlx_load_safetensors(mlx_map_string_to_array *res_0, mlx_map_string_to_string *res_1, const char *file,
                         const mlx_stream s) {
  if (!file) return hr_capi_failed("mlx_load_safetensors", hr_refuse_null("file"));
  return load_safetensors("mlx_load_safetensors", res_0, res_1, file, NULL, s);
}

int mlx_load_safetensors_reader(mlx_map_string_to_array *res_0, mlx_map_string_to_string *res_1,
                                mlx_io_reader in_stream, const mlx_stream s) {
  if (!in_stream.ctx) return hr_capi_failed("mlx_load_safetensors_reader", hr_refuse_empty("in_stream"));
  return load_safetensors("mlx_load_safetensors_reader", res_0, res_1, NULL, in_stream.ctx, s);
}

int mlx_save_safetensors(const char *file, const mlx_map_string_to_array param,
                         const mlx_map_string_to_string metadata) {
  hr_status status;
  HR_TRY(hr_need_pointer(file, "file"));
  HR_TRY(hr_need_handle(param.ctx, "param"));
  HR_TRY(hr_need_handle(metadata.ctx, "metadata"));
  HR_TRY(hr_save_safetensors(file, param.ctx, metadata.ctx));
done:
  return hr_capi_result("mlx_save_safetensors", status);
}

int mlx_save_safetensors_writer(mlx_io_writer in_stream, const mlx_map_string_to_array param,
                                const mlx_map_string_to_string metadata) {
  hr_status status;
  HR_TRY(hr_need_handle(in_stream.ctx, "in_stream"));
  HR_TRY(hr_need_handle(param.ctx, "param"));
  HR_TRY(hr_need_handle(metadata.ctx, "metadata"));
  HR_TRY(hr_save_safetensors_writer(in_stream.ctx, param.ctx, metadata.ctx));
done:
  return hr_capi_result("mlx_save_safetensors_writer", status);
}

/* --- GGUF --- */

/* The content of a handle of the same kind becomes another one, and what was there goes. */
static hr_status give_gguf(mlx_io_gguf *gguf, hr_gguf_content *content) {
  if (!gguf->ctx) {
    gguf->ctx = hr_slab_alloc(sizeof *content);
    if (!gguf->ctx) return hr_fail(HR_OUT_OF_MEMORY, "no memory for a handle");
    hr_gguf_init(gguf->ctx);
  }
  hr_gguf_content old = *(hr_gguf_content *)gguf->ctx;
  *(hr_gguf_content *)gguf->ctx = *content;
  *content = old;
  return HR_OK;
}

int mlx_load_gguf(mlx_io_gguf *gguf, const char *file, const mlx_stream s) {
  hr_gguf_content content;
  hr_stream *stream;
  hr_status status;
  hr_gguf_init(&content);
  HR_TRY(hr_need_pointer(gguf, "gguf"));
  HR_TRY(hr_need_pointer(file, "file"));
  HR_TRY(hr_take_stream(&stream, s));
  HR_TRY(hr_load_gguf(&content, file, stream));
  HR_TRY(give_gguf(gguf, &content));
done:
  hr_gguf_deinit(&content);
  return hr_capi_result("mlx_load_gguf", status);
}

int mlx_save_gguf(const char *file, mlx_io_gguf gguf) {
  hr_status status;
  HR_TRY(hr_need_pointer(file, "file"));
  HR_TRY(hr_need_handle(gguf.ctx, "gguf"));
  HR_TRY(hr_save_gguf(file, gguf.ctx));
done:
  return hr_capi_result("mlx_save_gguf", status);
}
