#include "io/gguf_content.h"

#include "base/memory.h"

static void drop_array(void *value) { hr_array_release(value); }

static void drop_value(void *value) {
  hr_gguf_value *v = value;
  hr_array_release(v->array);
  hr_free(v->text);
  for (size_t i = 0; i < v->text_count; i++) hr_free(v->texts[i]);
  hr_free(v->texts);
  hr_free(v);
}

static hr_status no_memory(const char *key) {
  return hr_fail(HR_OUT_OF_MEMORY, "no memory for the GGUF entry \"%s\"", key);
}

void hr_gguf_init(hr_gguf_content *content) {
  hr_map_init(&content->arrays, drop_array);
  hr_map_init(&content->metadata, drop_value);
}

void hr_gguf_deinit(hr_gguf_content *content) {
  hr_map_deinit(&content->arrays);
  hr_map_deinit(&content->metadata);
}

hr_status hr_gguf_set_array(hr_gguf_content *content, const char *key, hr_array *array) {
  hr_status status = hr_map_insert(&content->arrays, key, hr_array_retain(array));
  if (status != HR_OK) hr_array_release(array);
  return status;
}

/* Takes over value, also on failure. */
static hr_status insert(hr_gguf_content *content, const char *key, hr_gguf_value *value) {
  hr_status status = hr_map_insert(&content->metadata, key, value);
  if (status != HR_OK) drop_value(value);
  return status;
}

hr_status hr_gguf_set_metadata_array(hr_gguf_content *content, const char *key, hr_array *array) {
  hr_gguf_value *value = hr_alloc_zero(sizeof *value);
  if (!value) return no_memory(key);
  value->kind = HR_GGUF_ARRAY;
  value->array = hr_array_retain(array);
  return insert(content, key, value);
}

hr_status hr_gguf_set_metadata_text(hr_gguf_content *content, const char *key, const char *text) {
  hr_gguf_value *value = hr_alloc_zero(sizeof *value);
  if (!value) return no_memory(key);
  value->kind = HR_GGUF_TEXT;
  value->text = hr_strdup(text);
  if (value->text) return insert(content, key, value);
  drop_value(value);
  return no_memory(key);
}

hr_status hr_gguf_set_metadata_texts(hr_gguf_content *content, const char *key, const char *const *texts,
                                     size_t count) {
  hr_gguf_value *value = hr_alloc_zero(sizeof *value);
  if (!value) return no_memory(key);
  value->kind = HR_GGUF_TEXTS;
  value->texts = hr_alloc_zero(count ? count * sizeof *value->texts : 1);
  bool failed = !value->texts;
  for (size_t i = 0; i < count && !failed; i++) {
    value->texts[i] = hr_strdup(texts[i]);
    failed = !value->texts[i];
    value->text_count += !failed;
  }
  if (!failed) return insert(content, key, value);
  drop_value(value);
  return no_memory(key);
}

hr_array *hr_gguf_array(const hr_gguf_content *content, const char *key) { return hr_map_find(&content->arrays, key); }

const hr_gguf_value *hr_gguf_metadata(const hr_gguf_content *content, const char *key, hr_gguf_kind kind) {
  const hr_gguf_value *value = hr_map_find(&content->metadata, key);
  return value && value->kind == kind ? value : NULL;
}
