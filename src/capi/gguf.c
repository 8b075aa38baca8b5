/* The contents of GGUF files: the handle's ctx is an hr_gguf_content. */
#include "base/memory.h"
#include "capi/handle.h"
#include "headrace/io.h"
#include "io/gguf_content.h"
#include "mlx/c/io_types.h"

mlx_io_gguf mlx_io_gguf_new(void) {
  hr_gguf_content *content = hr_slab_alloc(sizeof *content);
  if (content)
    hr_gguf_init(content);
  else
    (void)hr_capi_failed("mlx_io_gguf_new", hr_fail(HR_OUT_OF_MEMORY, "no memory for a handle"));
  return (mlx_io_gguf){content};
}

int mlx_io_gguf_free(mlx_io_gguf io) {
  if (io.ctx) {
    hr_gguf_deinit(io.ctx);
    hr_slab_free(io.ctx, sizeof(hr_gguf_content));
  }
  return 0;
}

static hr_status check(const void *content, const char *key) {
  if (!content) return hr_refuse_empty("io");
  return hr_need_pointer(key, "key");
}

static hr_status give_keys(mlx_vector_string *keys, const hr_map *map) {
  const char **names = NULL;
  hr_status status;
  HR_TRY(hr_need_pointer(keys, "keys"));
  names = hr_alloc((map->count + 1) * sizeof *names);
  if (!names) HR_TRY(hr_fail(HR_OUT_OF_MEMORY, "no memory for %zu names", map->count));
  for (size_t i = 0; i < map->count; i++) names[i] = map->entries[i].key;
  HR_TRY(hr_give_texts(keys, names, map->count));
done:
  hr_free(names);
  return status;
}

int mlx_io_gguf_get_keys(mlx_vector_string *keys, mlx_io_gguf io) {
  const hr_gguf_content *content = io.ctx;
  hr_status status = hr_need_handle(content, "io");
  if (status == HR_OK) status = give_keys(keys, &content->arrays);
  return hr_capi_result("mlx_io_gguf_get_keys", status);
}

hr_status hr_gguf_metadata_keys(mlx_vector_string *keys, const mlx_io_gguf gguf) {
  const hr_gguf_content *content = gguf.ctx;
  hr_status status = hr_need_handle(content, "gguf");
  if (status == HR_OK) status = give_keys(keys, &content->metadata);
  return hr_capi_status("hr_gguf_metadata_keys", status);
}

int mlx_io_gguf_get_array(mlx_array *arr, mlx_io_gguf io, const char *key) {
  hr_array *array = NULL;
  hr_status status;
  HR_TRY(hr_need_pointer(arr, "arr"));
  HR_TRY(check(io.ctx, key));
  array = hr_gguf_array(io.ctx, key);
  if (!array) HR_TRY(hr_fail(HR_INVALID, "there is no array \"%s\"", key));
  HR_TRY(hr_give_array(arr, hr_array_retain(array)));
done:
  return hr_capi_result("mlx_io_gguf_get_array", status);
}

/* --- metadata --- */

static hr_status find(const hr_gguf_value **out, const void *res, const char *name, mlx_io_gguf io, const char *key,
                      hr_gguf_kind kind) {
  static const char *const kinds[] = {"an array", "a string", "a list of strings"};
  hr_status status = res ? check(io.ctx, key) : hr_refuse_null(name);
  if (status != HR_OK) return status;
  *out = hr_gguf_metadata(io.ctx, key, kind);
  return *out ? HR_OK : hr_fail(HR_INVALID, "there is no metadata \"%s\" that is %s", key, kinds[kind]);
}

static int has(const char *call, bool *flag, mlx_io_gguf io, const char *key, hr_gguf_kind kind) {
  hr_status status = flag ? check(io.ctx, key) : hr_refuse_null("flag");
  if (status == HR_OK) *flag = hr_gguf_metadata(io.ctx, key, kind) != NULL;
  return hr_capi_result(call, status);
}

int mlx_io_gguf_get_metadata_array(mlx_array *arr, mlx_io_gguf io, const char *key) {
  const hr_gguf_value *value = NULL;
  hr_status status = find(&value, arr, "arr", io, key, HR_GGUF_ARRAY);
  if (status == HR_OK) status = hr_give_array(arr, hr_array_retain(value->array));
  return hr_capi_result("mlx_io_gguf_get_metadata_array", status);
}

int mlx_io_gguf_get_metadata_string(mlx_string *str, mlx_io_gguf io, const char *key) {
  const hr_gguf_value *value = NULL;
  hr_status status = find(&value, str, "str", io, key, HR_GGUF_TEXT);
  if (status == HR_OK) status = hr_give_string(str, value->text);
  return hr_capi_result("mlx_io_gguf_get_metadata_string", status);
}

int mlx_io_gguf_get_metadata_vector_string(mlx_vector_string *vstr, mlx_io_gguf io, const char *key) {
  const hr_gguf_value *value = NULL;
  hr_status status = find(&value, vstr, "vstr", io, key, HR_GGUF_TEXTS);
  if (status == HR_OK) status = hr_give_texts(vstr, (const char *const *)value->texts, value->text_count);
  return hr_capi_result("mlx_io_gguf_get_metadata_vector_string", status);
}

int mlx_io_gguf_has_metadata_array(bool *flag, mlx_io_gguf io, const char *key) {
  return has("mlx_io_gguf_has_metadata_array", flag, io, key, HR_GGUF_ARRAY);
}
int mlx_io_gguf_has_metadata_string(bool *flag, mlx_io_gguf io, const char *key) {
  return has("mlx_io_gguf_has_metadata_string", flag, io, key, HR_GGUF_TEXT);
}
int mlx_io_gguf_has_metadata_vector_string(bool *flag, mlx_io_gguf io, const char *key) {
  return has("mlx_io_gguf_has_metadata_vector_string", flag, io, key, HR_GGUF_TEXTS);
}

int mlx_io_gguf_set_array(mlx_io_gguf io, const char *key, const mlx_array arr) {
  hr_array *array = NULL;
  hr_status status;
  HR_TRY(check(io.ctx, key));
  HR_TRY(hr_take_array(&array, arr, "arr"));
  HR_TRY(hr_gguf_set_array(io.ctx, key, array));
done:
  return hr_capi_result("mlx_io_gguf_set_array", status);
}

int mlx_io_gguf_set_metadata_array(mlx_io_gguf io, const char *key, const mlx_array marr) {
  hr_array *array = NULL;
  hr_status status;
  HR_TRY(check(io.ctx, key));
  HR_TRY(hr_take_array(&array, marr, "marr"));
  HR_TRY(hr_gguf_set_metadata_array(io.ctx, key, array));
done:
  return hr_capi_result("mlx_io_gguf_set_metadata_array", status);
}

int mlx_io_gguf_set_metadata_string(mlx_io_gguf io, const char *key, const char *mstr) {
  hr_status status;
  HR_TRY(check(io.ctx, key));
  HR_TRY(hr_need_pointer(mstr, "mstr"));
  HR_TRY(hr_gguf_set_metadata_text(io.ctx, key, mstr));
done:
  return hr_capi_result("mlx_io_gguf_set_metadata_string", status);
}

int mlx_io_gguf_set_metadata_vector_string(mlx_io_gguf io, const char *key, const mlx_vector_string mvstr) {
  const hr_vector *texts = mvstr.ctx;
  hr_status status;
  HR_TRY(check(io.ctx, key));
  HR_TRY(hr_need_handle(texts, "mvstr"));
  HR_TRY(hr_gguf_set_metadata_texts(io.ctx, key, texts->items, texts->count));
done:
  return hr_capi_result("mlx_io_gguf_set_metadata_vector_string", status);
}
