#include "io/gguf_tensors.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "io/gguf_blocks.h"

enum { LEAST_TENSOR = 24, FIRST_TENSORS = 16, NAME_ROOM = 8, WORD_BITS = 32 };

typedef struct tensor {
  char *name;
  const hr_gguf_format *format;
  hr_layout layout;      /* of its numbers; the dtype means nothing for blocks */
  uint64_t begin, bytes; /* from the beginning of the elements on */
} tensor;

typedef struct reading {
  hr_gguf_content *content;
  hr_source *source;
  hr_stream *stream;
  tensor *tensors;
  uint64_t count, capacity;
  uint64_t data; /* where the elements begin */
} reading;

/* --- the list --- */

static hr_status take_shape(tensor *t, hr_gguf_cursor *c) {
  int shape[HR_MAX_NDIM] = {0};
  uint32_t ndim;
  char quote[HR_QUOTE];
  hr_status status = hr_gguf_take_u32(&ndim, c, "the number of axes of a tensor");
  if (status != HR_OK) return status;
  hr_quote(quote, t->name, strlen(t->name));
  if (ndim > HR_MAX_NDIM) return hr_source_fail(c->source, "tensor \"%s\" has %u axes", quote, ndim);
  for (uint32_t i = 0; i < ndim; i++) {
    uint64_t length;
    status = hr_gguf_take_u64(&length, c, "a length of a tensor");
    if (status != HR_OK) return status;
    if (length > INT_MAX)
      return hr_source_fail(c->source, "tensor \"%s\" has an axis of length %llu", quote, (unsigned long long)length);
    shape[ndim - 1 - i] = (int)length;
  }
  /* With eight bytes a number the size is far from overflowing in any type. */
  status = hr_layout_set(&t->layout, shape, (int)ndim, HR_FLOAT64);
  return status == HR_OK ? HR_OK : hr_fail_prefix(status, "%s: tensor \"%s\": ", c->source->label, quote);
}

static hr_status take_format(tensor *t, hr_gguf_cursor *c) {
  uint32_t type;
  char quote[HR_QUOTE];
  hr_status status = hr_gguf_take_u32(&type, c, "the type of a tensor");
  if (status != HR_OK) return status;
  const hr_gguf_format *format = t->format = hr_gguf_format_find(type);
  hr_quote(quote, t->name, strlen(t->name));
  if (!format || (format->dtype < 0 && !format->bits && !format->decode))
    return hr_source_refuse(c->source, HR_UNSUPPORTED, "tensor \"%s\" has type %u (%s), which cannot be loaded", quote,
                            type, format ? format->name : "unknown");
  int last = t->layout.ndim ? t->layout.shape[t->layout.ndim - 1] : 1;
  if (last % format->elements)
    return hr_source_fail(c->source, "tensor \"%s\" has rows of %d numbers, but %s has blocks of %d", quote, last,
                          format->name, format->elements);
  t->bytes = (uint64_t)t->layout.size / format->elements * format->bytes;
  return HR_OK;
}

static hr_status take_tensor(tensor *t, hr_gguf_cursor *c) {
  hr_status status;
  HR_TRY(hr_gguf_take_text(&t->name, c, "the name of a tensor"));
  HR_TRY(take_shape(t, c));
  HR_TRY(take_format(t, c));
  HR_TRY(hr_gguf_take_u64(&t->begin, c, "the place of a tensor"));
done:
  return status;
}

/* --- places --- */

static int by_place(const void *a, const void *b) {
  const tensor *x = *(tensor *const *)a, *y = *(tensor *const *)b;
  if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
  return x->bytes < y->bytes ? -1 : x->bytes > y->bytes;
}

static hr_status check_place(const reading *r, const tensor *t) {
  char quote[HR_QUOTE], what[HR_QUOTE + 16];
  snprintf(what, sizeof what, "tensor \"%s\"", hr_quote(quote, t->name, strlen(t->name)));
  uint64_t all = r->source->size;
  if (r->data > all || t->begin > all - r->data)
    return hr_source_fail(r->source, "%s begins at byte %llu after the header, which is behind the end", what,
                          (unsigned long long)t->begin);
  return hr_source_need(r->source, t->bytes, r->data + t->begin, what);
}

/* Each in the file, no byte in two of them. */
static hr_status check_places(const reading *r) {
  char quote[HR_QUOTE];
  uint64_t at = 0;
  hr_status status = HR_OK;
  tensor **sorted = hr_alloc(r->count * sizeof *sorted);
  if (!sorted) return hr_fail(HR_OUT_OF_MEMORY, "no memory to sort %llu tensors", (unsigned long long)r->count);
  for (uint64_t i = 0; i < r->count && status == HR_OK; i++) {
    sorted[i] = &r->tensors[i];
    status = check_place(r, sorted[i]);
  }
  if (status == HR_OK) qsort(sorted, r->count, sizeof *sorted, by_place);
  for (uint64_t i = 0; i < r->count && status == HR_OK; i++) {
    if (sorted[i]->bytes && sorted[i]->begin < at)
      status = hr_source_fail(r->source, "tensor \"%s\" begins at byte %llu of the data, where another one is",
                              hr_quote(quote, sorted[i]->name, strlen(sorted[i]->name)),
                              (unsigned long long)sorted[i]->begin);
    if (sorted[i]->bytes) at = sorted[i]->begin + sorted[i]->bytes;
  }
  hr_free(sorted);
  return status;
}

/* --- arrays --- */

/* Adds an array under `name` with another ending. */
static hr_status add_array(const reading *r, const char *name, size_t length, const char *ending, hr_array *array) {
  char quote[HR_QUOTE];
  char *key = hr_alloc(length + NAME_ROOM);
  if (!key) return hr_fail(HR_OUT_OF_MEMORY, "no memory for the name of a tensor");
  memcpy(key, name, length);
  memcpy(key + length, ending, strlen(ending) + 1);
  hr_status status = HR_OK;
  if (hr_gguf_array(r->content, key))
    status = hr_source_fail(r->source, "there are two arrays \"%s\"", hr_quote(quote, key, strlen(key)));
  if (status == HR_OK) status = hr_gguf_set_array(r->content, key, array);
  hr_free(key);
  return status;
}

static hr_status add_plain(const reading *r, const tensor *t) {
  hr_load_plan plan = {.layout = t->layout, .offset = r->data + t->begin};
  hr_array *array = NULL;
  plan.layout.dtype = (hr_dtype)t->format->dtype;
  hr_status status = hr_load_array(&array, r->source, &plan, t->name, r->stream);
  if (status == HR_OK) status = add_array(r, t->name, strlen(t->name), "", array);
  hr_array_release(array);
  return status;
}

static hr_status add_decoded(const reading *r, const tensor *t) {
  hr_layout layout = t->layout;
  hr_array *array = NULL;
  layout.dtype = HR_FLOAT16;
  hr_status status = hr_load_decoded(&array, 1, &layout, r->source, r->data + t->begin, t->bytes, hr_gguf_decode,
                                     t->format, r->stream);
  if (status == HR_OK) status = add_array(r, t->name, strlen(t->name), "", array);
  hr_array_release(array);
  return status;
}

/* Row-major, with another last length. */
static hr_status with_last(hr_layout *out, const hr_layout *like, int last, hr_dtype dtype) {
  int shape[HR_MAX_NDIM];
  memcpy(shape, like->shape, (size_t)like->ndim * sizeof *shape);
  shape[like->ndim - 1] = last;
  return hr_layout_set(out, shape, like->ndim, dtype);
}

/* Rows are of whole blocks, so there is an axis. */
static hr_status add_quantized(const reading *r, const tensor *t) {
  static const char weight[] = ".weight";
  hr_layout layouts[HR_LOAD_OUTPUTS];
  hr_array *out[HR_LOAD_OUTPUTS] = {0};
  size_t length = strlen(t->name), end = sizeof weight - 1;
  size_t stem = length >= end && !strcmp(t->name + length - end, weight) ? length - end : length;
  int last = t->layout.shape[t->layout.ndim - 1];
  hr_status status;
  HR_TRY(with_last(&layouts[0], &t->layout, last / WORD_BITS * t->format->bits, HR_UINT32));
  HR_TRY(with_last(&layouts[1], &t->layout, last / HR_GGUF_GROUP, HR_FLOAT16));
  layouts[2] = layouts[1];
  HR_TRY(hr_load_decoded(out, HR_LOAD_OUTPUTS, layouts, r->source, r->data + t->begin, t->bytes, hr_gguf_split,
                         t->format, r->stream));
  HR_TRY(add_array(r, t->name, length, "", out[0]));
  HR_TRY(add_array(r, t->name, stem, ".scales", out[1]));
  HR_TRY(add_array(r, t->name, stem, ".biases", out[2]));
done:
  for (int i = 0; i < HR_LOAD_OUTPUTS; i++) hr_array_release(out[i]);
  return status;
}

/* Room for one tensor more, by what has been read and not by what the header promises. */
static hr_status grow(reading *r) {
  if (r->count < r->capacity) return HR_OK;
  uint64_t capacity = r->capacity ? 2 * r->capacity : FIRST_TENSORS;
  tensor *tensors = hr_realloc(r->tensors, capacity * sizeof *tensors);
  if (!tensors) return hr_fail(HR_OUT_OF_MEMORY, "no memory for %llu tensors", (unsigned long long)capacity);
  r->tensors = tensors;
  r->capacity = capacity;
  return HR_OK;
}

static hr_status take_all(reading *r, hr_gguf_cursor *c, uint64_t count, uint64_t alignment) {
  hr_status status = HR_OK;
  while (r->count < count && status == HR_OK) {
    status = grow(r);
    if (status != HR_OK) return status;
    tensor *t = &r->tensors[r->count++];
    *t = (tensor){0};
    status = take_tensor(t, c);
  }
  if (status != HR_OK) return status;
  r->data = (c->at + alignment - 1) / alignment * alignment;
  status = check_places(r);
  for (uint64_t i = 0; i < count && status == HR_OK; i++) {
    const tensor *t = &r->tensors[i];
    status = (t->format->dtype >= 0 ? add_plain : t->format->bits ? add_quantized : add_decoded)(r, t);
  }
  return status;
}

hr_status hr_gguf_take_tensors(hr_gguf_content *content, hr_gguf_cursor *c, uint64_t count, uint64_t alignment,
                               hr_stream *s) {
  reading r = {.content = content, .source = c->source, .stream = s};
  hr_status status = hr_gguf_expect(c, count, LEAST_TENSOR, "tensors");
  if (status != HR_OK) return status;
  status = take_all(&r, c, count, alignment);
  for (uint64_t i = 0; i < r.count; i++) hr_free(r.tensors[i].name);
  hr_free(r.tensors);
  return status;
}
