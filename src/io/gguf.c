/* Loading: the head and the metadata. */
#include "io/gguf.h"

#include <limits.h>

#include "base/memory.h"
#include "graph/eval.h"
#include "io/bytes.h"
#include "io/gguf_cursor.h"
#include "io/gguf_tensors.h"

enum { DEFAULT_ALIGNMENT = 32, MOST_ALIGNMENT = 1 << 20, LEAST_ENTRY = 13, LEAST_TEXT = 8, LONGEST_KEY = 65535 };

int hr_gguf_dtype(uint32_t type) {
  static const int8_t dtypes[HR_GGUF_TYPE_COUNT] = {[HR_GGUF_UINT8] = HR_UINT8,     [HR_GGUF_INT8] = HR_INT8,
                                                    [HR_GGUF_UINT16] = HR_UINT16,   [HR_GGUF_INT16] = HR_INT16,
                                                    [HR_GGUF_UINT32] = HR_UINT32,   [HR_GGUF_INT32] = HR_INT32,
                                                    [HR_GGUF_FLOAT32] = HR_FLOAT32, [HR_GGUF_BOOL] = HR_BOOL,
                                                    [HR_GGUF_STRING] = -1,          [HR_GGUF_LIST] = -1,
                                                    [HR_GGUF_UINT64] = HR_UINT64,   [HR_GGUF_INT64] = HR_INT64,
                                                    [HR_GGUF_FLOAT64] = HR_FLOAT64};
  return type < HR_GGUF_TYPE_COUNT ? dtypes[type] : -1;
}

int hr_gguf_type_of_dtype(hr_dtype dtype) {
  for (uint32_t type = 0; type < HR_GGUF_TYPE_COUNT; type++)
    if (hr_gguf_dtype(type) == (int)dtype) return (int)type;
  return -1;
}

/* --- values --- */

/* Numbers, `ndim` 0 or 1. */
static hr_status take_numbers(hr_gguf_content *content, hr_gguf_cursor *c, const char *key, hr_dtype dtype, int ndim,
                              uint64_t count) {
  hr_array *array = NULL;
  hr_status status;
  if (count > INT_MAX)
    return hr_source_fail(c->source, "metadata has a list of %llu values", (unsigned long long)count);
  int length = (int)count;
  HR_TRY(hr_gguf_expect(c, count, hr_dtype_bytes[dtype], "values of metadata"));
  HR_TRY(hr_array_new_empty(&array, &length, ndim, dtype));
  uint8_t *data = hr_array_data(array);
  HR_TRY(hr_gguf_take(c, data, hr_array_nbytes(array), "a value of metadata"));
  if (HR_BIG_ENDIAN_HOST) hr_swap_bytes(data, hr_array_nbytes(array), hr_number_bytes(dtype));
  for (uint64_t i = 0; dtype == HR_BOOL && i < count; i++) data[i] = data[i] != 0;
  HR_TRY(hr_gguf_set_metadata_array(content, key, array));
done:
  hr_array_release(array);
  return status;
}

static hr_status take_text(hr_gguf_content *content, hr_gguf_cursor *c, const char *key) {
  char *text;
  hr_status status = hr_gguf_take_text(&text, c, "a text of metadata");
  if (status == HR_OK) status = hr_gguf_set_metadata_text(content, key, text);
  hr_free(text);
  return status;
}

static hr_status take_texts(hr_gguf_content *content, hr_gguf_cursor *c, const char *key, uint64_t count) {
  uint64_t taken = 0;
  char **texts = NULL;
  hr_status status;
  HR_TRY(hr_gguf_expect(c, count, LEAST_TEXT, "texts"));
  texts = hr_alloc(count * sizeof *texts);
  if (!texts) HR_TRY(hr_fail(HR_OUT_OF_MEMORY, "no memory for %llu texts", (unsigned long long)count));
  for (; taken < count; taken++) HR_TRY(hr_gguf_take_text(&texts[taken], c, "a text of a list of metadata"));
  HR_TRY(hr_gguf_set_metadata_texts(content, key, (const char *const *)texts, count));
done:
  for (uint64_t i = 0; i < taken; i++) hr_free(texts[i]);
  hr_free(texts);
  return status;
}

static hr_status unknown_type(const hr_gguf_cursor *c, const char *key, uint32_t type) {
  char quote[HR_QUOTE];
  const char *what = type == HR_GGUF_LIST ? "a list of lists" : "a value of unknown type";
  return hr_source_refuse(c->source, HR_UNSUPPORTED, "metadata \"%s\" is %s (%u)", hr_quote(quote, key, strlen(key)),
                          what, type);
}

static hr_status take_list(hr_gguf_content *content, hr_gguf_cursor *c, const char *key) {
  uint32_t type;
  uint64_t count;
  hr_status status;
  HR_TRY(hr_gguf_take_u32(&type, c, "the type of a list"));
  HR_TRY(hr_gguf_take_u64(&count, c, "the length of a list"));
  if (type == HR_GGUF_STRING) return take_texts(content, c, key, count);
  if (hr_gguf_dtype(type) < 0) return unknown_type(c, key, type);
  return take_numbers(content, c, key, (hr_dtype)hr_gguf_dtype(type), 1, count);
done:
  return status;
}

static hr_status take_key(char **out, hr_gguf_content *content, hr_gguf_cursor *c) {
  char quote[HR_QUOTE];
  hr_status status = hr_gguf_take_text(out, c, "a key of metadata");
  if (status != HR_OK) return status;
  if (strlen(*out) > LONGEST_KEY) return hr_source_fail(c->source, "a key of metadata has %zu bytes", strlen(*out));
  if (!hr_map_find(&content->metadata, *out)) return HR_OK;
  return hr_source_fail(c->source, "metadata \"%s\" is there twice, at last before byte %llu",
                        hr_quote(quote, *out, strlen(*out)), (unsigned long long)c->at);
}

static hr_status take_entry(hr_gguf_content *content, hr_gguf_cursor *c) {
  char *key = NULL;
  uint32_t type;
  hr_status status;
  HR_TRY(take_key(&key, content, c));
  HR_TRY(hr_gguf_take_u32(&type, c, "the type of metadata"));
  if (type == HR_GGUF_STRING)
    HR_TRY(take_text(content, c, key));
  else if (type == HR_GGUF_LIST)
    HR_TRY(take_list(content, c, key));
  else if (hr_gguf_dtype(type) >= 0)
    HR_TRY(take_numbers(content, c, key, (hr_dtype)hr_gguf_dtype(type), 0, 1));
  else
    HR_TRY(unknown_type(c, key, type));
done:
  hr_free(key);
  return status;
}

/* --- the file --- */

static hr_status take_head(hr_gguf_cursor *c, uint64_t *tensors, uint64_t *entries) {
  uint8_t head[4];
  uint32_t version;
  hr_status status;
  HR_TRY(hr_gguf_take(c, head, sizeof head, "the head of a GGUF file"));
  if (memcmp(head, "GGUF", 4) != 0) return hr_source_fail(c->source, "this is no GGUF file (its magic is missing)");
  HR_TRY(hr_gguf_take_u32(&version, c, "the version"));
  if (version != 2 && version != 3)
    return hr_source_refuse(c->source, HR_UNSUPPORTED, "version %u of the GGUF format cannot be loaded%s", version,
                            version & 0xFFFF ? "" : " (the file is big-endian)");
  HR_TRY(hr_gguf_take_u64(tensors, c, "the number of tensors"));
  HR_TRY(hr_gguf_take_u64(entries, c, "the number of metadata entries"));
  HR_TRY(hr_gguf_expect(c, *entries, LEAST_ENTRY, "metadata entries"));
done:
  return status;
}

hr_status hr_gguf_alignment(uint64_t *out, const hr_gguf_content *content) {
  const hr_gguf_value *value = hr_gguf_metadata(content, "general.alignment", HR_GGUF_ARRAY);
  *out = DEFAULT_ALIGNMENT;
  if (!value && !hr_map_find(&content->metadata, "general.alignment")) return HR_OK;
  hr_array *a = value ? value->array : NULL;
  if (a && hr_array_dtype(a) == HR_UINT32 && a->ndim == 0) {
    const void *data;
    hr_status status = hr_array_read(&data, a);
    if (status != HR_OK) return status;
    *out = *(const uint32_t *)data;
    if (*out && *out <= MOST_ALIGNMENT && !(*out & (*out - 1))) return HR_OK;
  }
  return hr_fail(HR_INVALID, "metadata \"general.alignment\" is no power of two up to %d of type uint32",
                 MOST_ALIGNMENT);
}

hr_status hr_gguf_parse(hr_gguf_content *content, hr_source *source, hr_stream *s) {
  uint64_t tensors, entries, alignment;
  hr_gguf_cursor *c = hr_alloc(sizeof *c);
  if (!c) return hr_fail(HR_OUT_OF_MEMORY, "no memory to read a GGUF header");
  *c = (hr_gguf_cursor){.source = source};
  hr_status status;
  HR_TRY(take_head(c, &tensors, &entries));
  for (uint64_t i = 0; i < entries; i++) HR_TRY(take_entry(content, c));
  status = hr_gguf_alignment(&alignment, content);
  if (status != HR_OK) HR_TRY(hr_fail_prefix(HR_IO, "%s: ", source->label));
  HR_TRY(hr_gguf_take_tensors(content, c, tensors, alignment, s));
done:
  hr_free(c);
  return status;
}

typedef struct loading {
  hr_gguf_content *content;
  hr_stream *stream;
} loading;

static hr_status load_source(hr_source *source, void *arg) {
  const loading *l = arg;
  return hr_gguf_parse(l->content, source, l->stream);
}

hr_status hr_load_gguf(hr_gguf_content *content, const char *file, hr_stream *s) {
  loading l = {content, s};
  return hr_source_with_path(file, load_source, &l);
}
