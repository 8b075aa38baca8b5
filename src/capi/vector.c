/* The four kinds of vectors. What differs is how an element is copied in and dropped: an element_kind says it. */
#include "mlx/c/vector.h"

#include <string.h>

#include "base/memory.h"
#include "capi/handle.h"

typedef struct element_kind {
  size_t item_bytes;
  size_t given_bytes; /* of an element as the caller gives it: a handle, a text, a number */
  hr_status (*copy_given)(void *item, const void *given);
  hr_status (*copy_item)(void *item, const void *source);
  void (*drop)(void *item);
} element_kind;

enum { FIRST_ITEMS = 4 };

static hr_status no_memory(size_t count) { return hr_fail(HR_OUT_OF_MEMORY, "no memory for %zu elements", count); }

/* --- any kind --- */

static void *item_at(const hr_vector *vector, const element_kind *kind, size_t i) {
  return (char *)vector->items + i * kind->item_bytes;
}

/* Drops the elements from `first` on. */
static void cut(hr_vector *vector, const element_kind *kind, size_t first) {
  while (vector->count > first) kind->drop(item_at(vector, kind, --vector->count));
}

static void empty(hr_vector *vector, const element_kind *kind) {
  cut(vector, kind, 0);
  hr_free(vector->items);
  *vector = (hr_vector){0};
}

static hr_status reserve(hr_vector *vector, const element_kind *kind, size_t count) {
  if (count <= vector->capacity) return HR_OK;
  size_t capacity = 2 * vector->capacity > count ? 2 * vector->capacity : count;
  if (capacity < FIRST_ITEMS) capacity = FIRST_ITEMS;
  if (count > SIZE_MAX / 4 / kind->item_bytes) return no_memory(count);
  void *items = hr_realloc(vector->items, capacity * kind->item_bytes);
  if (!items) return no_memory(count);
  vector->items = items;
  vector->capacity = capacity;
  return HR_OK;
}

/* Adds copies of `size` elements that lie `stride` bytes apart; as it was on failure. */
static hr_status append(hr_vector *vector, const element_kind *kind, const void *data, size_t size, size_t stride,
                        hr_status (*copy)(void *item, const void *source)) {
  size_t before = vector->count;
  hr_status status = HR_OK;
  if (size > SIZE_MAX - before) return no_memory(size);
  HR_TRY(reserve(vector, kind, before + size));
  for (size_t i = 0; i < size; i++) {
    HR_TRY(copy(item_at(vector, kind, before + i), (const char *)data + i * stride));
    vector->count++;
  }
done:
  if (status != HR_OK) cut(vector, kind, before);
  return status;
}

static hr_status append_given(void *ctx, const element_kind *kind, const void *data, size_t size) {
  if (!ctx) return hr_refuse_empty("vec");
  if (size && !data) return hr_refuse_null("data");
  return append(ctx, kind, data, size, kind->given_bytes, kind->copy_given);
}

/* Makes *ctx a vector of these elements; a box is made if there is none. As it was on failure. */
static hr_status replace(void **ctx, const element_kind *kind, const void *data, size_t size, size_t stride,
                         hr_status (*copy)(void *item, const void *source)) {
  hr_vector fresh = {0};
  hr_status status = HR_OK;
  HR_TRY(append(&fresh, kind, data, size, stride, copy));
  if (!*ctx) {
    hr_vector *box = hr_slab_alloc(sizeof *box);
    if (!box) HR_TRY(no_memory(size));
    *box = (hr_vector){0};
    *ctx = box;
  }
  hr_vector old = *(hr_vector *)*ctx;
  *(hr_vector *)*ctx = fresh;
  fresh = old;
done:
  empty(&fresh, kind);
  return status;
}

static hr_status replace_given(void **ctx, const element_kind *kind, const void *data, size_t size) {
  if (!ctx) return hr_refuse_null("vec");
  if (size && !data) return hr_refuse_null("data");
  return replace(ctx, kind, data, size, kind->given_bytes, kind->copy_given);
}

static hr_status replace_vector(void **ctx, const element_kind *kind, const void *source_ctx, const char *name) {
  const hr_vector *source = source_ctx;
  if (!ctx) return hr_refuse_null(name);
  if (!source) return hr_refuse_empty(name);
  return replace(ctx, kind, source->items, source->count, kind->item_bytes, kind->copy_item);
}

static void *new_vector(const char *call, const element_kind *kind, const void *data, size_t size) {
  void *ctx = NULL;
  (void)hr_capi_result(call, replace_given(&ctx, kind, data, size));
  return ctx;
}

static int free_vector(void *ctx, const element_kind *kind) {
  if (ctx) {
    empty(ctx, kind);
    hr_slab_free(ctx, sizeof(hr_vector));
  }
  return 0;
}

static size_t vector_size(const char *call, const void *ctx) {
  if (ctx) return ((const hr_vector *)ctx)->count;
  (void)hr_capi_failed(call, hr_refuse_empty("vec"));
  return 0;
}

/* Checks the arguments of a `_get` and finds the element. */
static hr_status find(void **item, const void *res, const void *ctx, const element_kind *kind, size_t idx) {
  const hr_vector *vector = ctx;
  if (!res) return hr_refuse_null("res");
  if (!vector) return hr_refuse_empty("vec");
  if (idx >= vector->count)
    return hr_fail(HR_INVALID, "index %zu is out of range for a vector of %zu elements", idx, vector->count);
  *item = item_at(vector, kind, idx);
  return HR_OK;
}

/* --- kinds --- */

static hr_status array_copy_given(void *item, const void *given) {
  hr_array *array;
  hr_status status = hr_take_array(&array, *(const mlx_array *)given, "val");
  if (status == HR_OK) *(hr_array **)item = hr_array_retain(array);
  return status;
}
static hr_status array_copy_item(void *item, const void *source) {
  *(hr_array **)item = hr_array_retain(*(hr_array *const *)source);
  return HR_OK;
}
static void array_drop(void *item) { hr_array_release(*(hr_array **)item); }

static const element_kind arrays = {sizeof(hr_array *), sizeof(mlx_array), array_copy_given, array_copy_item,
                                    array_drop};

static hr_status vector_copy_item(void *item, const void *source) {
  const hr_vector *from = source;
  hr_vector *to = item;
  *to = (hr_vector){0};
  hr_status status = append(to, &arrays, from->items, from->count, arrays.item_bytes, arrays.copy_item);
  if (status != HR_OK) empty(to, &arrays);
  return status;
}
static hr_status vector_copy_given(void *item, const void *given) {
  const hr_vector *from = ((const mlx_vector_array *)given)->ctx;
  return from ? vector_copy_item(item, from) : hr_refuse_empty("val");
}
static void vector_drop(void *item) { empty(item, &arrays); }

static const element_kind vectors = {sizeof(hr_vector), sizeof(mlx_vector_array), vector_copy_given, vector_copy_item,
                                     vector_drop};

static hr_status int_copy(void *item, const void *source) {
  memcpy(item, source, sizeof(int));
  return HR_OK;
}
static void int_drop(void *item) { (void)item; }

static const element_kind ints = {sizeof(int), sizeof(int), int_copy, int_copy, int_drop};

static hr_status text_copy(void *item, const void *source) {
  const char *text = *(const char *const *)source;
  if (!text) return hr_refuse_null("val");
  char *copy = hr_strdup(text);
  if (!copy) return hr_fail(HR_OUT_OF_MEMORY, "no memory for a text");
  *(char **)item = copy;
  return HR_OK;
}
static void text_drop(void *item) { hr_free(*(char **)item); }

static const element_kind texts = {sizeof(char *), sizeof(char *), text_copy, text_copy, text_drop};

hr_status hr_give_texts(mlx_vector_string *handle, const char *const *given, size_t count) {
  return replace_given(&handle->ctx, &texts, given, count);
}

/* --- mlx_vector_array --- */

mlx_vector_array mlx_vector_array_new(void) {
  return (mlx_vector_array){new_vector("mlx_vector_array_new", &arrays, NULL, 0)};
}
int mlx_vector_array_set(mlx_vector_array *vec, const mlx_vector_array src) {
  return hr_capi_result("mlx_vector_array_set",
                        replace_vector(vec ? &vec->ctx : NULL, &arrays, src.ctx, vec ? "src" : "vec"));
}
int mlx_vector_array_free(mlx_vector_array vec) { return free_vector(vec.ctx, &arrays); }
mlx_vector_array mlx_vector_array_new_data(const mlx_array *data, size_t size) {
  return (mlx_vector_array){new_vector("mlx_vector_array_new_data", &arrays, data, size)};
}
mlx_vector_array mlx_vector_array_new_value(const mlx_array val) {
  return (mlx_vector_array){new_vector("mlx_vector_array_new_value", &arrays, &val, 1)};
}
int mlx_vector_array_set_data(mlx_vector_array *vec, const mlx_array *data, size_t size) {
  return hr_capi_result("mlx_vector_array_set_data", replace_given(vec ? &vec->ctx : NULL, &arrays, data, size));
}
int mlx_vector_array_set_value(mlx_vector_array *vec, const mlx_array val) {
  return hr_capi_result("mlx_vector_array_set_value", replace_given(vec ? &vec->ctx : NULL, &arrays, &val, 1));
}
int mlx_vector_array_append_data(mlx_vector_array vec, const mlx_array *data, size_t size) {
  return hr_capi_result("mlx_vector_array_append_data", append_given(vec.ctx, &arrays, data, size));
}
int mlx_vector_array_append_value(mlx_vector_array vec, const mlx_array val) {
  return hr_capi_result("mlx_vector_array_append_value", append_given(vec.ctx, &arrays, &val, 1));
}
size_t mlx_vector_array_size(mlx_vector_array vec) { return vector_size("mlx_vector_array_size", vec.ctx); }
int mlx_vector_array_get(mlx_array *res, const mlx_vector_array vec, size_t idx) {
  void *item = NULL;
  hr_status status = find(&item, res, vec.ctx, &arrays, idx);
  if (status == HR_OK) status = hr_give_array(res, hr_array_retain(*(hr_array **)item));
  return hr_capi_result("mlx_vector_array_get", status);
}

/* --- mlx_vector_vector_array --- */

mlx_vector_vector_array mlx_vector_vector_array_new(void) {
  return (mlx_vector_vector_array){new_vector("mlx_vector_vector_array_new", &vectors, NULL, 0)};
}
int mlx_vector_vector_array_set(mlx_vector_vector_array *vec, const mlx_vector_vector_array src) {
  return hr_capi_result("mlx_vector_vector_array_set",
                        replace_vector(vec ? &vec->ctx : NULL, &vectors, src.ctx, vec ? "src" : "vec"));
}
int mlx_vector_vector_array_free(mlx_vector_vector_array vec) { return free_vector(vec.ctx, &vectors); }
mlx_vector_vector_array mlx_vector_vector_array_new_data(const mlx_vector_array *data, size_t size) {
  return (mlx_vector_vector_array){new_vector("mlx_vector_vector_array_new_data", &vectors, data, size)};
}
mlx_vector_vector_array mlx_vector_vector_array_new_value(const mlx_vector_array val) {
  return (mlx_vector_vector_array){new_vector("mlx_vector_vector_array_new_value", &vectors, &val, 1)};
}
int mlx_vector_vector_array_set_data(mlx_vector_vector_array *vec, const mlx_vector_array *data, size_t size) {
  return hr_capi_result("mlx_vector_vector_array_set_data",
                        replace_given(vec ? &vec->ctx : NULL, &vectors, data, size));
}
int mlx_vector_vector_array_set_value(mlx_vector_vector_array *vec, const mlx_vector_array val) {
  return hr_capi_result("mlx_vector_vector_array_set_value", replace_given(vec ? &vec->ctx : NULL, &vectors, &val, 1));
}
int mlx_vector_vector_array_append_data(mlx_vector_vector_array vec, const mlx_vector_array *data, size_t size) {
  return hr_capi_result("mlx_vector_vector_array_append_data", append_given(vec.ctx, &vectors, data, size));
}
int mlx_vector_vector_array_append_value(mlx_vector_vector_array vec, const mlx_vector_array val) {
  return hr_capi_result("mlx_vector_vector_array_append_value", append_given(vec.ctx, &vectors, &val, 1));
}
size_t mlx_vector_vector_array_size(mlx_vector_vector_array vec) {
  return vector_size("mlx_vector_vector_array_size", vec.ctx);
}
int mlx_vector_vector_array_get(mlx_vector_array *res, const mlx_vector_vector_array vec, size_t idx) {
  void *item = NULL;
  hr_status status = find(&item, res, vec.ctx, &vectors, idx);
  if (status == HR_OK) status = replace_vector(&res->ctx, &arrays, item, "vec");
  return hr_capi_result("mlx_vector_vector_array_get", status);
}

/* --- mlx_vector_int --- */

mlx_vector_int mlx_vector_int_new(void) { return (mlx_vector_int){new_vector("mlx_vector_int_new", &ints, NULL, 0)}; }
int mlx_vector_int_set(mlx_vector_int *vec, const mlx_vector_int src) {
  return hr_capi_result("mlx_vector_int_set",
                        replace_vector(vec ? &vec->ctx : NULL, &ints, src.ctx, vec ? "src" : "vec"));
}
int mlx_vector_int_free(mlx_vector_int vec) { return free_vector(vec.ctx, &ints); }
mlx_vector_int mlx_vector_int_new_data(int *data, size_t size) {
  return (mlx_vector_int){new_vector("mlx_vector_int_new_data", &ints, data, size)};
}
mlx_vector_int mlx_vector_int_new_value(int val) {
  return (mlx_vector_int){new_vector("mlx_vector_int_new_value", &ints, &val, 1)};
}
int mlx_vector_int_set_data(mlx_vector_int *vec, int *data, size_t size) {
  return hr_capi_result("mlx_vector_int_set_data", replace_given(vec ? &vec->ctx : NULL, &ints, data, size));
}
int mlx_vector_int_set_value(mlx_vector_int *vec, int val) {
  return hr_capi_result("mlx_vector_int_set_value", replace_given(vec ? &vec->ctx : NULL, &ints, &val, 1));
}
int mlx_vector_int_append_data(mlx_vector_int vec, int *data, size_t size) {
  return hr_capi_result("mlx_vector_int_append_data", append_given(vec.ctx, &ints, data, size));
}
int mlx_vector_int_append_value(mlx_vector_int vec, int val) {
  return hr_capi_result("mlx_vector_int_append_value", append_given(vec.ctx, &ints, &val, 1));
}
size_t mlx_vector_int_size(mlx_vector_int vec) { return vector_size("mlx_vector_int_size", vec.ctx); }
int mlx_vector_int_get(int *res, const mlx_vector_int vec, size_t idx) {
  void *item = NULL;
  hr_status status = find(&item, res, vec.ctx, &ints, idx);
  if (status == HR_OK) *res = *(const int *)item;
  return hr_capi_result("mlx_vector_int_get", status);
}

/* --- mlx_vector_string --- */

mlx_vector_string mlx_vector_string_new(void) {
  return (mlx_vector_string){new_vector("mlx_vector_string_new", &texts, NULL, 0)};
}
int mlx_vector_string_set(mlx_vector_string *vec, const mlx_vector_string src) {
  return hr_capi_result("mlx_vector_string_set",
                        replace_vector(vec ? &vec->ctx : NULL, &texts, src.ctx, vec ? "src" : "vec"));
}
int mlx_vector_string_free(mlx_vector_string vec) { return free_vector(vec.ctx, &texts); }
mlx_vector_string mlx_vector_string_new_data(const char **data, size_t size) {
  return (mlx_vector_string){new_vector("mlx_vector_string_new_data", &texts, data, size)};
}
mlx_vector_string mlx_vector_string_new_value(const char *val) {
  return (mlx_vector_string){new_vector("mlx_vector_string_new_value", &texts, &val, 1)};
}
int mlx_vector_string_set_data(mlx_vector_string *vec, const char **data, size_t size) {
  return hr_capi_result("mlx_vector_string_set_data", replace_given(vec ? &vec->ctx : NULL, &texts, data, size));
}
int mlx_vector_string_set_value(mlx_vector_string *vec, const char *val) {
  return hr_capi_result("mlx_vector_string_set_value", replace_given(vec ? &vec->ctx : NULL, &texts, &val, 1));
}
int mlx_vector_string_append_data(mlx_vector_string vec, const char **data, size_t size) {
  return hr_capi_result("mlx_vector_string_append_data", append_given(vec.ctx, &texts, data, size));
}
int mlx_vector_string_append_value(mlx_vector_string vec, const char *val) {
  return hr_capi_result("mlx_vector_string_append_value", append_given(vec.ctx, &texts, &val, 1));
}
size_t mlx_vector_string_size(mlx_vector_string vec) { return vector_size("mlx_vector_string_size", vec.ctx); }
int mlx_vector_string_get(char **res, const mlx_vector_string vec, size_t idx) {
  void *item = NULL;
  hr_status status = find(&item, res, vec.ctx, &texts, idx);
  if (status == HR_OK) *res = *(char **)item;
  return hr_capi_result("mlx_vector_string_get", status);
}
