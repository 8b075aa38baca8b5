/* src/io/gguf_content.h - what a GGUF file holds: arrays by name, and metadata by name, each an array, a text or a list
 * of texts. In the order in which names were first set. Names and texts are copied, arrays retained. No thread safety.
 */
#ifndef HR_IO_GGUF_CONTENT_H
#define HR_IO_GGUF_CONTENT_H

#include "array/array.h"
#include "base/map.h"

typedef enum hr_gguf_kind { HR_GGUF_ARRAY, HR_GGUF_TEXT, HR_GGUF_TEXTS } hr_gguf_kind;

typedef struct hr_gguf_value {
  hr_gguf_kind kind;
  hr_array *array;
  char *text;
  char **texts;
  size_t text_count;
} hr_gguf_value;

typedef struct hr_gguf_content {
  hr_map arrays;   /* of hr_array */
  hr_map metadata; /* of hr_gguf_value */
} hr_gguf_content;

void hr_gguf_init(hr_gguf_content *content);
void hr_gguf_deinit(hr_gguf_content *content);

hr_status hr_gguf_set_array(hr_gguf_content *content, const char *key, hr_array *array) HR_MUST_USE;
hr_status hr_gguf_set_metadata_array(hr_gguf_content *content, const char *key, hr_array *array) HR_MUST_USE;
hr_status hr_gguf_set_metadata_text(hr_gguf_content *content, const char *key, const char *text) HR_MUST_USE;
hr_status hr_gguf_set_metadata_texts(hr_gguf_content *content, const char *key, const char *const *texts,
                                     size_t count) HR_MUST_USE;

/* Borrowed; NULL if there is no such key, or it is of another kind. */
hr_array *hr_gguf_array(const hr_gguf_content *content, const char *key);
const hr_gguf_value *hr_gguf_metadata(const hr_gguf_content *content, const char *key, hr_gguf_kind kind);

#endif
