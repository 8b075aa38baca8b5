#include "base/memory.h"
#include "io/bytes.h"
#include "io/json.h"
#include "io/safetensors.h"
#include "io/store.h"

enum { LENGTH_BYTES = 8 };

static const char *const names[HR_DTYPE_COUNT] = {
    [HR_BOOL] = "BOOL",   [HR_UINT8] = "U8",    [HR_UINT16] = "U16",    [HR_UINT32] = "U32",   [HR_UINT64] = "U64",
    [HR_INT8] = "I8",     [HR_INT16] = "I16",   [HR_INT32] = "I32",     [HR_INT64] = "I64",    [HR_FLOAT16] = "F16",
    [HR_FLOAT32] = "F32", [HR_FLOAT64] = "F64", [HR_BFLOAT16] = "BF16", [HR_COMPLEX64] = "C64"};

typedef struct saving {
  hr_text header;
  hr_array **arrays; /* prepared, in the order of the file */
  const char **keys;
  size_t count;
} saving;

static hr_status add_metadata(hr_text *text, const hr_map *metadata) {
  hr_text_format(text, "\"__metadata__\":{");
  for (size_t i = 0; i < metadata->count; i++) {
    if (i) hr_text_add(text, ",", 1);
    hr_status status = hr_text_json(text, metadata->entries[i].key);
    hr_text_add(text, ":", 1);
    if (status == HR_OK) status = hr_text_json(text, metadata->entries[i].value);
    if (status != HR_OK) return hr_fail_prefix(status, "metadata: ");
  }
  hr_text_add(text, "}", 1);
  return HR_OK;
}

static hr_status add_array(hr_text *text, const char *key, const hr_array *a, uint64_t *at) {
  uint64_t begin = *at;
  hr_status status = hr_text_json(text, key);
  if (status != HR_OK) return hr_fail_prefix(status, "name of an array: ");
  hr_text_format(text, ":{\"dtype\":\"%s\",\"shape\":[", names[a->dtype]);
  for (int i = 0; i < a->ndim; i++) hr_text_format(text, i ? ",%d" : "%d", hr_array_shape(a)[i]);
  *at += hr_array_nbytes(a);
  hr_text_format(text, "],\"data_offsets\":[%llu,%llu]}", (unsigned long long)begin, (unsigned long long)*at);
  return HR_OK;
}

/* Spaces at the end, so that the elements begin at a multiple of eight. */
static hr_status make_header(saving *s, const hr_map *metadata) {
  hr_text *text = &s->header;
  uint64_t at = 0;
  hr_status status = HR_OK;
  bool has_metadata = metadata && metadata->count;
  hr_text_add(text, "{", 1);
  if (has_metadata) HR_TRY(add_metadata(text, metadata));
  for (size_t i = 0; i < s->count; i++) {
    if (i || has_metadata) hr_text_add(text, ",", 1);
    HR_TRY(add_array(text, s->keys[i], s->arrays[i], &at));
  }
  hr_text_add(text, "}", 1);
  while (text->length % 8 && !text->failed) hr_text_add(text, " ", 1);
  if (text->failed) HR_TRY(hr_fail(HR_OUT_OF_MEMORY, "no memory for the header of %zu arrays", s->count));
done:
  return status;
}

static hr_status refuse(const hr_map *arrays) {
  if (hr_map_find(arrays, "__metadata__")) return hr_fail(HR_INVALID, "no array can have the name __metadata__");
  return HR_OK;
}

/* Names and arrays, those with the largest elements first. */
static hr_status collect(saving *s, const hr_map *arrays) {
  hr_array **given = hr_alloc(arrays->count * sizeof *given);
  s->arrays = hr_alloc(arrays->count * sizeof *s->arrays);
  s->keys = hr_alloc(arrays->count * sizeof *s->keys);
  hr_status status = refuse(arrays);
  if (!given || !s->arrays || !s->keys)
    HR_TRY(hr_fail(HR_OUT_OF_MEMORY, "no memory to save %zu arrays", arrays->count));
  HR_TRY(status);
  size_t count = 0;
  for (size_t width = 8; width; width /= 2)
    for (size_t i = 0; i < arrays->count; i++)
      if (hr_array_itemsize(arrays->entries[i].value) == width) {
        s->keys[count] = arrays->entries[i].key;
        given[count++] = arrays->entries[i].value;
      }
  HR_TRY(hr_store_prepare(s->arrays, given, count, false));
  s->count = count;
done:
  hr_free(given);
  return status;
}

static hr_status write_all(hr_sink *sink, void *arg) {
  const saving *s = arg;
  uint8_t length[LENGTH_BYTES];
  hr_status status;
  hr_put_u64(length, s->header.length);
  HR_TRY(hr_sink_write(sink, length, sizeof length));
  HR_TRY(hr_sink_write(sink, s->header.data, s->header.length));
  for (size_t i = 0; i < s->count; i++) HR_TRY(hr_store_write(sink, s->arrays[i]));
done:
  return status;
}

/* To a path or, if that is NULL, a writer. */
static hr_status save(const char *file, hr_io_file *writer, const hr_map *arrays, const hr_map *metadata) {
  saving s = {0};
  hr_status status;
  HR_TRY(collect(&s, arrays));
  HR_TRY(make_header(&s, metadata));
  HR_TRY(file ? hr_sink_with_path(file, ".safetensors", write_all, &s) : hr_sink_with_writer(writer, write_all, &s));
done:
  for (size_t i = 0; i < s.count; i++) hr_array_release(s.arrays[i]);
  hr_free(s.arrays);
  hr_free(s.keys);
  hr_text_deinit(&s.header);
  return status;
}

hr_status hr_save_safetensors(const char *file, const hr_map *arrays, const hr_map *metadata) {
  return save(file, NULL, arrays, metadata);
}

hr_status hr_save_safetensors_writer(hr_io_file *writer, const hr_map *arrays, const hr_map *metadata) {
  return save(NULL, writer, arrays, metadata);
}
