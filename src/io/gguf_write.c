#include "base/memory.h"
#include "io/bytes.h"
#include "io/gguf.h"
#include "io/gguf_blocks.h"
#include "io/sink.h"
#include "io/store.h"

enum { VERSION = 3 };

typedef struct saving {
  const hr_gguf_content *content;
  hr_array **arrays;   /* of the content, prepared */
  hr_array **metadata; /* for each entry: its array, prepared, or NULL */
  size_t count, metadata_count;
  uint64_t alignment;
} saving;

static hr_status put_u32(hr_sink *sink, uint64_t value) {
  uint8_t bytes[4];
  hr_put_u32(bytes, (uint32_t)value);
  return hr_sink_write(sink, bytes, sizeof bytes);
}

static hr_status put_u64(hr_sink *sink, uint64_t value) {
  uint8_t bytes[8];
  hr_put_u64(bytes, value);
  return hr_sink_write(sink, bytes, sizeof bytes);
}

static hr_status put_text(hr_sink *sink, const char *text) {
  size_t length = strlen(text);
  hr_status status = put_u64(sink, length);
  return status == HR_OK ? hr_sink_write(sink, text, length) : status;
}

/* --- metadata --- */

static hr_status put_array(hr_sink *sink, const hr_array *a) {
  uint32_t type = (uint32_t)hr_gguf_type_of_dtype(hr_array_dtype(a));
  hr_status status;
  if (a->ndim) {
    HR_TRY(put_u32(sink, HR_GGUF_LIST));
    HR_TRY(put_u32(sink, type));
    HR_TRY(put_u64(sink, (uint64_t)a->size));
  } else {
    HR_TRY(put_u32(sink, type));
  }
  HR_TRY(hr_store_write(sink, a));
done:
  return status;
}

static hr_status put_texts(hr_sink *sink, const hr_gguf_value *value) {
  hr_status status;
  HR_TRY(put_u32(sink, HR_GGUF_LIST));
  HR_TRY(put_u32(sink, HR_GGUF_STRING));
  HR_TRY(put_u64(sink, value->text_count));
  for (size_t i = 0; i < value->text_count; i++) HR_TRY(put_text(sink, value->texts[i]));
done:
  return status;
}

static hr_status put_entry(hr_sink *sink, const hr_map_entry *entry, const hr_array *array) {
  const hr_gguf_value *value = entry->value;
  hr_status status = put_text(sink, entry->key);
  if (status != HR_OK) return status;
  if (value->kind == HR_GGUF_ARRAY) return put_array(sink, array);
  if (value->kind == HR_GGUF_TEXTS) return put_texts(sink, value);
  status = put_u32(sink, HR_GGUF_STRING);
  return status == HR_OK ? put_text(sink, value->text) : status;
}

/* --- tensors --- */

static hr_status put_tensor(hr_sink *sink, const char *name, const hr_array *a, uint64_t place) {
  hr_status status;
  HR_TRY(put_text(sink, name));
  HR_TRY(put_u32(sink, a->ndim));
  for (int i = a->ndim; i-- > 0;) HR_TRY(put_u64(sink, (uint64_t)hr_array_shape(a)[i]));
  HR_TRY(put_u32(sink, hr_gguf_format_of_dtype(hr_array_dtype(a))->type));
  HR_TRY(put_u64(sink, place));
done:
  return status;
}

static hr_status write_all(hr_sink *sink, void *arg) {
  const saving *s = arg;
  uint64_t place = 0;
  hr_status status;
  HR_TRY(hr_sink_write(sink, "GGUF", 4));
  HR_TRY(put_u32(sink, VERSION));
  HR_TRY(put_u64(sink, s->count));
  HR_TRY(put_u64(sink, s->metadata_count));
  for (size_t i = 0; i < s->metadata_count; i++)
    HR_TRY(put_entry(sink, &s->content->metadata.entries[i], s->metadata[i]));
  for (size_t i = 0; i < s->count; i++) {
    HR_TRY(put_tensor(sink, s->content->arrays.entries[i].key, s->arrays[i], place));
    place += (hr_array_nbytes(s->arrays[i]) + s->alignment - 1) / s->alignment * s->alignment;
  }
  for (size_t i = 0; i < s->count; i++) {
    HR_TRY(hr_sink_pad(sink, s->alignment));
    HR_TRY(hr_store_write(sink, s->arrays[i]));
  }
  HR_TRY(hr_sink_pad(sink, s->alignment));
done:
  return status;
}

/* --- what can be saved --- */

static hr_status check_array(const hr_map_entry *entry) {
  char text[HR_ARRAY_TEXT];
  const hr_array *a = entry->value;
  if (hr_gguf_format_of_dtype(hr_array_dtype(a))) return HR_OK;
  return hr_fail(HR_UNSUPPORTED, "array \"%.64s\" is %s; GGUF has no tensors of that type", entry->key,
                 hr_array_format(text, a));
}

static hr_status check_metadata(const hr_map_entry *entry) {
  char text[HR_ARRAY_TEXT];
  const hr_gguf_value *value = entry->value;
  const hr_array *a = value->array;
  if (value->kind != HR_GGUF_ARRAY) return HR_OK;
  if (a->ndim > 1)
    return hr_fail(HR_UNSUPPORTED, "metadata \"%.64s\" is %s; GGUF has numbers and lists of them only", entry->key,
                   hr_array_format(text, a));
  if (hr_gguf_type_of_dtype(hr_array_dtype(a)) >= 0) return HR_OK;
  return hr_fail(HR_UNSUPPORTED, "metadata \"%.64s\" is %s; GGUF has no metadata of that type", entry->key,
                 hr_array_format(text, a));
}

static hr_status check_all(const hr_gguf_content *content) {
  hr_status status = HR_OK;
  for (size_t i = 0; i < content->arrays.count && status == HR_OK; i++)
    status = check_array(&content->arrays.entries[i]);
  for (size_t i = 0; i < content->metadata.count && status == HR_OK; i++)
    status = check_metadata(&content->metadata.entries[i]);
  return status;
}

static hr_status prepare_metadata(saving *s) {
  hr_status status = HR_OK;
  for (; s->metadata_count < s->content->metadata.count && status == HR_OK; s->metadata_count++) {
    const hr_gguf_value *value = s->content->metadata.entries[s->metadata_count].value;
    hr_array **out = &s->metadata[s->metadata_count];
    *out = NULL;
    if (value->kind == HR_GGUF_ARRAY) status = hr_store_prepare(out, &value->array, 1, false);
  }
  return status;
}

static hr_status prepare(saving *s) {
  size_t count = s->content->arrays.count, metadata_count = s->content->metadata.count;
  hr_array **given = hr_alloc(count * sizeof *given);
  s->arrays = hr_alloc(count * sizeof *s->arrays);
  s->metadata = hr_alloc(metadata_count * sizeof *s->metadata);
  hr_status status = HR_OK;
  if (!given || !s->arrays || !s->metadata)
    HR_TRY(hr_fail(HR_OUT_OF_MEMORY, "no memory to save %zu arrays", count + metadata_count));
  for (size_t i = 0; i < count; i++) given[i] = s->content->arrays.entries[i].value;
  HR_TRY(hr_store_prepare(s->arrays, given, count, false));
  s->count = count;
  HR_TRY(prepare_metadata(s));
  HR_TRY(hr_gguf_alignment(&s->alignment, s->content));
done:
  hr_free(given);
  return status;
}

hr_status hr_save_gguf(const char *file, const hr_gguf_content *content) {
  saving s = {.content = content};
  hr_status status;
  HR_TRY(check_all(content));
  HR_TRY(prepare(&s));
  HR_TRY(hr_sink_with_path(file, ".gguf", write_all, &s));
done:
  for (size_t i = 0; i < s.count; i++) hr_array_release(s.arrays[i]);
  for (size_t i = 0; i < s.metadata_count; i++) hr_array_release(s.metadata[i]);
  hr_free(s.arrays);
  hr_free(s.metadata);
  return status;
}
