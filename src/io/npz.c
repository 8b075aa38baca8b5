#include "io/npz.h"

#include <string.h>

#include "base/memory.h"
#include "io/bytes.h"
#include "io/npy.h"
#include "io/store.h"
#include "io/zip.h"

static const char ending[] = ".npy";
enum { ENDING_BYTES = sizeof ending - 1 };

/* --- loading --- */

/* The array in an entry's bytes, all of them. */
static hr_status load_entry(hr_array **out, hr_source *entry, hr_stream *s) {
  hr_load_plan plan;
  *out = NULL;
  hr_status status = hr_npy_parse(&plan, entry);
  if (status != HR_OK) return status;
  uint64_t end = plan.offset + (uint64_t)plan.layout.size * hr_dtype_bytes[plan.layout.dtype];
  if (end != entry->size)
    return hr_source_fail(entry, "the array ends at byte %llu of %llu", (unsigned long long)end,
                          (unsigned long long)entry->size);
  return hr_load_array(out, entry, &plan, NULL, s);
}

/* The name loses its ending. */
static hr_status add_entry(hr_map *arrays, hr_source *archive, const hr_zip_entry *e, hr_stream *s) {
  char quote[HR_QUOTE];
  size_t length = strlen(e->name);
  hr_source *entry = NULL;
  hr_array *array = NULL;
  hr_status status;
  hr_quote(quote, e->name, length);
  if (length < ENDING_BYTES || strcmp(e->name + length - ENDING_BYTES, ending) != 0)
    return hr_source_refuse(archive, HR_UNSUPPORTED, "entry \"%s\" is no .npy file", quote);
  e->name[length - ENDING_BYTES] = 0;
  if (hr_map_find(arrays, e->name)) return hr_source_fail(archive, "entry \"%s\" is there twice", quote);
  HR_TRY(hr_zip_open(&entry, archive, e));
  HR_TRY(load_entry(&array, entry, s));
  HR_TRY(hr_map_insert(arrays, e->name, array));
  array = NULL;
done:
  hr_array_release(array);
  hr_source_release(entry);
  return status;
}

hr_status hr_npz_parse(hr_map *arrays, hr_source *source, hr_stream *s) {
  hr_zip zip;
  hr_status status = hr_zip_list(&zip, source);
  for (uint64_t i = 0; i < zip.count && status == HR_OK; i++) status = add_entry(arrays, source, &zip.entries[i], s);
  hr_zip_deinit(&zip);
  if (status != HR_OK) hr_map_deinit(arrays);
  return status;
}

typedef struct loading {
  hr_map *arrays;
  hr_stream *stream;
  uint64_t end;
} loading;

static hr_status load_source(hr_source *source, void *arg) {
  loading *l = arg;
  l->end = source->size;
  return hr_npz_parse(l->arrays, source, l->stream);
}

hr_status hr_npz_load(hr_map *arrays, const char *file, hr_stream *s) {
  loading l = {arrays, s, 0};
  return hr_source_with_path(file, load_source, &l);
}

hr_status hr_npz_load_reader(hr_map *arrays, hr_io_file *reader, hr_stream *s) {
  loading l = {arrays, s, 0};
  return hr_source_with_reader(reader, load_source, &l, &l.end);
}

/* --- saving --- */

typedef struct saving {
  const hr_map *given;
  hr_array **arrays; /* prepared */
  bool compressed;
} saving;

/* A copy in little-endian order, on machines that need one. */
static hr_status file_bytes(hr_buffer **copy, const void **data, const hr_array *a) {
  *copy = NULL;
  *data = hr_array_data(a);
  if (!HR_BIG_ENDIAN_HOST) return HR_OK;
  hr_status status = hr_buffer_new(copy, hr_array_nbytes(a));
  if (status != HR_OK) return status;
  memcpy((*copy)->data, *data, hr_array_nbytes(a));
  hr_swap_bytes((*copy)->data, hr_array_nbytes(a), hr_number_bytes(hr_array_dtype(a)));
  *data = (*copy)->data;
  return HR_OK;
}

static hr_status write_entry(hr_zip_writer *zip, const char *key, const hr_array *a, bool compressed) {
  char header[HR_NPY_HEADER];
  size_t length = strlen(key);
  hr_buffer *copy = NULL;
  const void *data;
  hr_status status;
  char *name = hr_alloc(length + sizeof ending);
  if (!name) return hr_fail(HR_OUT_OF_MEMORY, "no memory for a name");
  memcpy(name, key, length);
  memcpy(name + length, ending, sizeof ending);
  HR_TRY(file_bytes(&copy, &data, a));
  hr_zip_part parts[] = {{header, hr_npy_format(header, a)}, {data, hr_array_nbytes(a)}};
  status = hr_zip_add(zip, name, parts, 2, compressed);
done:
  hr_buffer_release(copy);
  hr_free(name);
  return status;
}

static hr_status write_all(hr_sink *sink, void *arg) {
  const saving *s = arg;
  hr_zip_writer zip = {.sink = sink, .limit = 0xFFFFFFFF};
  hr_status status = HR_OK;
  for (size_t i = 0; i < s->given->count && status == HR_OK; i++)
    status = write_entry(&zip, s->given->entries[i].key, s->arrays[i], s->compressed);
  if (status == HR_OK) status = hr_zip_finish(&zip);
  hr_text_deinit(&zip.directory);
  return status;
}

/* To a path or, if that is NULL, a writer. */
static hr_status save(const char *file, hr_io_file *writer, const hr_map *arrays, bool compressed) {
  size_t count = arrays->count;
  hr_array **given = hr_alloc(count * sizeof *given), **ready = hr_alloc(count * sizeof *ready);
  saving s = {arrays, ready, compressed};
  hr_status status;
  if (!given || !ready) {
    status = hr_fail(HR_OUT_OF_MEMORY, "no memory to save %zu arrays", count);
    count = 0;
    goto done;
  }
  for (size_t i = 0; i < count; i++) given[i] = arrays->entries[i].value;
  HR_TRY(hr_store_prepare(ready, given, count, true));
  HR_TRY(file ? hr_sink_with_path(file, ".npz", write_all, &s) : hr_sink_with_writer(writer, write_all, &s));
done:
  for (size_t i = 0; i < count; i++) hr_array_release(ready[i]);
  hr_free(given);
  hr_free(ready);
  return status;
}

hr_status hr_npz_save(const char *file, const hr_map *arrays, bool compressed) {
  return save(file, NULL, arrays, compressed);
}

hr_status hr_npz_save_writer(hr_io_file *writer, const hr_map *arrays, bool compressed) {
  return save(NULL, writer, arrays, compressed);
}
