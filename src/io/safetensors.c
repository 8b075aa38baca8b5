#include "io/safetensors.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "io/bytes.h"
#include "io/json.h"

enum { LENGTH_BYTES = 8, LONGEST_HEADER = 100000000, FIRST_ENTRIES = 16 };

/* An array of the header. */
typedef struct entry {
  char *name;
  uint64_t begin, end; /* bytes from the end of the header on */
  hr_dtype dtype;
  int ndim;
  int shape[HR_MAX_NDIM];
} entry;

typedef struct header {
  hr_source *source;
  entry **entries; /* in the order of the header */
  size_t count, capacity;
  uint64_t data; /* where the elements begin */
  hr_map names;  /* of the entries, for repeated ones */
  hr_map *metadata;
  bool has_metadata;
} header;

static void drop_nothing(void *value) { (void)value; }

static void header_deinit(header *h) {
  for (size_t i = 0; i < h->count; i++) {
    hr_free(h->entries[i]->name);
    hr_free(h->entries[i]);
  }
  hr_free(h->entries);
  hr_map_deinit(&h->names);
}

/* --- one array --- */

static hr_status take_dtype(hr_dtype *out, hr_json *json) {
  static const struct {
    char name[8];
    hr_dtype dtype;
  } known[] = {{"BOOL", HR_BOOL},     {"U8", HR_UINT8},      {"U16", HR_UINT16},    {"U32", HR_UINT32},
               {"U64", HR_UINT64},    {"I8", HR_INT8},       {"I16", HR_INT16},     {"I32", HR_INT32},
               {"I64", HR_INT64},     {"F16", HR_FLOAT16},   {"F32", HR_FLOAT32},   {"F64", HR_FLOAT64},
               {"BF16", HR_BFLOAT16}, {"C64", HR_COMPLEX64}, {"F8_E4M3", HR_UINT8}, {"F8_E8M0", HR_UINT8}};
  char *name, quote[HR_QUOTE];
  hr_status status = hr_json_string(&name, json);
  if (status != HR_OK) return status;
  size_t count = sizeof known / sizeof *known, i = 0;
  while (i < count && strcmp(name, known[i].name) != 0) i++;
  if (i < count)
    *out = known[i].dtype;
  else
    status = hr_source_refuse(json->source, HR_UNSUPPORTED, "elements of type %s cannot be loaded",
                              hr_quote(quote, name, strlen(name)));
  hr_free(name);
  return status;
}

static hr_status take_shape(entry *e, hr_json *json) {
  bool more;
  size_t index = 0;
  hr_status status;
  HR_TRY(hr_json_expect(json, '['));
  for (;;) {
    uint64_t length;
    HR_TRY(hr_json_more(&more, json, ']', &index));
    if (!more) return HR_OK;
    HR_TRY(hr_json_uint(&length, json));
    if (length > INT_MAX) return hr_json_fail(json, "a length is above 2147483647");
    if (e->ndim == HR_MAX_NDIM) return hr_json_fail(json, "the array has more than 32 axes");
    e->shape[e->ndim++] = (int)length;
  }
done:
  return status;
}

static hr_status take_offsets(entry *e, hr_json *json) {
  hr_status status;
  HR_TRY(hr_json_expect(json, '['));
  HR_TRY(hr_json_uint(&e->begin, json));
  HR_TRY(hr_json_expect(json, ','));
  HR_TRY(hr_json_uint(&e->end, json));
  HR_TRY(hr_json_expect(json, ']'));
done:
  return status;
}

enum { HAS_DTYPE = 1, HAS_SHAPE = 2, HAS_OFFSETS = 4, HAS_ALL = 7 };

static hr_status take_field(entry *e, int *seen, hr_json *json) {
  char *key;
  hr_status status = hr_json_key(&key, json);
  if (status != HR_OK) return status;
  int which = !strcmp(key, "dtype")          ? HAS_DTYPE
              : !strcmp(key, "shape")        ? HAS_SHAPE
              : !strcmp(key, "data_offsets") ? HAS_OFFSETS
                                             : 0;
  hr_free(key);
  if (*seen & which) return hr_json_fail(json, "a key is given twice");
  *seen |= which;
  switch (which) {
    case HAS_DTYPE: return take_dtype(&e->dtype, json);
    case HAS_SHAPE: return take_shape(e, json);
    case HAS_OFFSETS: return take_offsets(e, json);
    default: return hr_json_skip(json);
  }
}

/* The offsets say as many bytes as type and shape, and are in the file. */
static hr_status check_entry(const header *h, const entry *e) {
  char quote[HR_QUOTE];
  hr_layout layout;
  hr_status status = hr_layout_set(&layout, e->shape, e->ndim, e->dtype);
  hr_quote(quote, e->name, strlen(e->name));
  if (status != HR_OK) return hr_fail_prefix(status, "%s: array \"%s\": ", h->source->label, quote);
  uint64_t bytes = (uint64_t)layout.size * hr_dtype_bytes[e->dtype], all = h->source->size - h->data;
  if (e->begin > e->end || e->end > all || e->end - e->begin != bytes)
    return hr_source_fail(
        h->source, "array \"%s\" of %llu bytes is said to be from byte %llu to %llu of the %llu after the header",
        quote, (unsigned long long)bytes, (unsigned long long)e->begin, (unsigned long long)e->end,
        (unsigned long long)all);
  return HR_OK;
}

static hr_status take_entry(header *h, entry *e, hr_json *json) {
  int seen = 0;
  bool more;
  size_t index = 0;
  hr_status status;
  HR_TRY(hr_json_expect(json, '{'));
  for (;;) {
    HR_TRY(hr_json_more(&more, json, '}', &index));
    if (!more) break;
    HR_TRY(take_field(e, &seen, json));
  }
  if (seen != HAS_ALL) return hr_json_fail(json, "dtype, shape or data_offsets of an array is missing");
  HR_TRY(check_entry(h, e));
done:
  return status;
}

/* --- the header --- */

/* Takes over name, also on failure. */
static hr_status add_entry(header *h, char *name, hr_json *json) {
  hr_status status = HR_OK;
  entry *e = hr_alloc_zero(sizeof *e);
  if (e && h->count == h->capacity) {
    size_t capacity = h->capacity ? 2 * h->capacity : FIRST_ENTRIES;
    entry **entries = hr_realloc(h->entries, capacity * sizeof *entries);
    if (entries) h->entries = entries, h->capacity = capacity;
  }
  if (!e || h->count == h->capacity) {
    hr_free(e);
    hr_free(name);
    return hr_fail(HR_OUT_OF_MEMORY, "no memory for %zu arrays of a header", h->count + 1);
  }
  e->name = name;
  h->entries[h->count++] = e;
  if (hr_map_find(&h->names, name)) return hr_json_fail(json, "an array's name is there twice");
  HR_TRY(hr_map_insert(&h->names, name, e));
  HR_TRY(take_entry(h, e, json));
done:
  return status;
}

static hr_status take_text(header *h, hr_json *json) {
  char *key = NULL, *value = NULL;
  hr_status status;
  HR_TRY(hr_json_key(&key, json));
  HR_TRY(hr_json_string(&value, json));
  if (hr_map_find(h->metadata, key)) HR_TRY(hr_json_fail(json, "a name of metadata is there twice"));
  HR_TRY(hr_map_insert(h->metadata, key, value));
  value = NULL;
done:
  hr_free(key);
  hr_free(value);
  return status;
}

/* MLX writes null when there is none. */
static hr_status take_metadata(header *h, hr_json *json) {
  bool more;
  size_t index = 0;
  hr_status status = HR_OK;
  if (h->has_metadata) return hr_json_fail(json, "__metadata__ is there twice");
  h->has_metadata = true;
  if (hr_json_null(json)) return HR_OK;
  HR_TRY(hr_json_expect(json, '{'));
  for (;;) {
    HR_TRY(hr_json_more(&more, json, '}', &index));
    if (!more) return HR_OK;
    HR_TRY(take_text(h, json));
  }
done:
  return status;
}

static hr_status take_header(header *h, hr_json *json) {
  bool more;
  size_t index = 0;
  hr_status status;
  HR_TRY(hr_json_expect(json, '{'));
  for (;;) {
    char *name;
    HR_TRY(hr_json_more(&more, json, '}', &index));
    if (!more) break;
    HR_TRY(hr_json_key(&name, json));
    bool is_metadata = !strcmp(name, "__metadata__");
    if (is_metadata) hr_free(name);
    HR_TRY(is_metadata ? take_metadata(h, json) : add_entry(h, name, json));
  }
  hr_json_peek(json);
  if (json->at != json->length) return hr_json_fail(json, "unknown text");
done:
  return status;
}

static hr_status read_header(header *h) {
  uint8_t length_bytes[LENGTH_BYTES];
  char *text = NULL;
  hr_status status;
  HR_TRY(hr_source_read(h->source, length_bytes, LENGTH_BYTES, 0, "the length of the header"));
  uint64_t length = hr_get_u64(length_bytes);
  HR_TRY(hr_source_need(h->source, length, LENGTH_BYTES, "the header"));
  if (length > LONGEST_HEADER)
    return hr_source_fail(h->source, "a header of %llu bytes is too long", (unsigned long long)length);
  h->data = LENGTH_BYTES + length;
  text = hr_alloc(length);
  if (!text) return hr_fail(HR_OUT_OF_MEMORY, "no memory for a header of %llu bytes", (unsigned long long)length);
  HR_TRY(hr_source_read(h->source, text, length, LENGTH_BYTES, "the header"));
  hr_json json = {h->source, text, 0, length};
  if (!length || *text != '{') HR_TRY(hr_json_fail(&json, "this is no safetensors file: '{' is missing"));
  HR_TRY(take_header(h, &json));
done:
  hr_free(text);
  return status;
}

/* --- the arrays --- */

static int by_place(const void *a, const void *b) {
  const entry *x = *(entry *const *)a, *y = *(entry *const *)b;
  if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
  return x->end < y->end ? -1 : x->end > y->end;
}

/* No holes, and no byte in two arrays. */
static hr_status check_places(const header *h) {
  char quote[HR_QUOTE];
  uint64_t at = 0;
  entry **sorted = hr_alloc(h->count * sizeof *sorted);
  if (!sorted) return hr_fail(HR_OUT_OF_MEMORY, "no memory to sort %zu arrays", h->count);
  if (h->count) memcpy(sorted, h->entries, h->count * sizeof *sorted);
  if (h->count) qsort(sorted, h->count, sizeof *sorted, by_place);
  hr_status status = HR_OK;
  for (size_t i = 0; i < h->count && status == HR_OK; i++) {
    if (sorted[i]->begin != at)
      status = hr_source_fail(
          h->source, "array \"%s\" begins at byte %llu of the data, %s the end of the one before, %llu",
          hr_quote(quote, sorted[i]->name, strlen(sorted[i]->name)), (unsigned long long)sorted[i]->begin,
          sorted[i]->begin < at ? "before" : "behind", (unsigned long long)at);
    at = sorted[i]->end;
  }
  hr_free(sorted);
  if (status == HR_OK && at != h->source->size - h->data)
    status = hr_source_fail(h->source, "the arrays end at byte %llu of the data, which has %llu",
                            (unsigned long long)at, (unsigned long long)(h->source->size - h->data));
  return status;
}

static hr_status add_array(hr_map *arrays, const header *h, const entry *e, hr_stream *s) {
  hr_load_plan plan = {.offset = h->data + e->begin};
  hr_array *array;
  hr_status status = hr_layout_set(&plan.layout, e->shape, e->ndim, e->dtype);
  if (status == HR_OK) status = hr_load_array(&array, h->source, &plan, e->name, s);
  if (status != HR_OK) return status;
  status = hr_map_insert(arrays, e->name, array);
  if (status != HR_OK) hr_array_release(array);
  return status;
}

hr_status hr_safetensors_parse(hr_map *arrays, hr_map *metadata, hr_source *source, hr_stream *s) {
  header h = {.source = source, .metadata = metadata};
  hr_status status;
  hr_map_init(&h.names, drop_nothing);
  HR_TRY(read_header(&h));
  HR_TRY(check_places(&h));
  for (size_t i = 0; i < h.count; i++) HR_TRY(add_array(arrays, &h, h.entries[i], s));
done:
  header_deinit(&h);
  if (status != HR_OK) hr_map_deinit(arrays);
  if (status != HR_OK) hr_map_deinit(metadata);
  return status;
}

typedef struct loading {
  hr_map *arrays, *metadata;
  hr_stream *stream;
  uint64_t end;
} loading;

static hr_status load_source(hr_source *source, void *arg) {
  loading *l = arg;
  l->end = source->size;
  return hr_safetensors_parse(l->arrays, l->metadata, source, l->stream);
}

hr_status hr_load_safetensors(hr_map *arrays, hr_map *metadata, const char *file, hr_stream *s) {
  loading l = {arrays, metadata, s, 0};
  return hr_source_with_path(file, load_source, &l);
}

hr_status hr_load_safetensors_reader(hr_map *arrays, hr_map *metadata, hr_io_file *reader, hr_stream *s) {
  loading l = {arrays, metadata, s, 0};
  return hr_source_with_reader(reader, load_source, &l, &l.end);
}
