/* Sources that are readers of the program's own. Everything here runs on the reader's stream. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "io/source.h"
#include "sched/pool.h"

typedef struct reader_source {
  hr_source base; /* base.file has a reference of this */
  uint64_t begin; /* the reader's position where the source begins */
} reader_source;

/* Through the position that read() shares with the program, which gets it back. */
static bool read_at_position(const hr_io_file *file, char *to, uint64_t bytes, uint64_t offset) {
  const hr_io_calls *c = &file->calls;
  size_t before = c->tell(file->desc);
  c->seek(file->desc, (int64_t)offset, SEEK_SET);
  c->read(file->desc, to, bytes);
  bool whole = c->good(file->desc) && c->tell(file->desc) == offset + bytes;
  c->seek(file->desc, (int64_t)before, SEEK_SET);
  return whole;
}

static bool read_at_offset(const hr_io_file *file, char *to, uint64_t bytes, uint64_t offset) {
  file->calls.read_at_offset(file->desc, to, bytes, offset);
  return file->calls.good(file->desc);
}

static hr_status reader_read(hr_source *source, void *to, uint64_t bytes, uint64_t offset) {
  const hr_io_file *file = source->file;
  uint64_t at = ((reader_source *)source)->begin + offset;
  memset(to, 0, bytes); /* a reader cannot say how much it has read */
  hr_pool_block_begin();
  bool whole = (file->calls.read_at_offset ? read_at_offset : read_at_position)(file, to, bytes, at);
  hr_pool_block_end();
  if (whole) return HR_OK;
  return hr_source_fail(source, "the reader has failed to read %llu bytes at byte %llu", (unsigned long long)bytes,
                        (unsigned long long)at);
}

static void reader_deinit(hr_source *source) {
  hr_io_file_release(source->file);
  hr_free(source);
}

static const hr_source_kind reader_kind = {reader_read, reader_deinit};

/* Where the reader is and how much is left from there on. */
static hr_status measure(hr_io_file *file, uint64_t *begin, uint64_t *size) {
  const hr_io_calls *c = &file->calls;
  hr_status status = hr_io_file_check_reader(file);
  if (status != HR_OK) return status;
  size_t at = c->tell(file->desc);
  c->seek(file->desc, 0, SEEK_END);
  size_t end = c->tell(file->desc);
  c->seek(file->desc, (int64_t)at, SEEK_SET);
  if (end > INT64_MAX || at > end)
    return hr_fail(HR_IO, "the reader \"%.200s\" is at byte %zu of %zu", hr_io_file_label(file), at, end);
  *begin = at;
  *size = end - at;
  return HR_OK;
}

static hr_status reader_new(hr_source **out, hr_io_file *file) {
  uint64_t begin = 0, size = 0;
  hr_status status = measure(file, &begin, &size);
  if (status != HR_OK) return status;
  const char *label = hr_io_file_label(file);
  reader_source *source = hr_alloc_zero(sizeof *source);
  if (!source) return hr_fail(HR_OUT_OF_MEMORY, "no memory for a reader");
  status = hr_source_init(&source->base, &reader_kind, size, *label ? label : "reader");
  if (status != HR_OK) {
    hr_free(source);
    return status;
  }
  source->base.file = hr_io_file_retain(file);
  source->begin = begin;
  *out = &source->base;
  return HR_OK;
}

typedef struct opening {
  hr_io_file *file;
  hr_source_fn fn;
  void *arg;
  const uint64_t *end;
} opening;

static hr_status open_reader(void *arg) {
  const opening *o = arg;
  const hr_io_calls *c = &o->file->calls;
  hr_source *source = NULL;
  hr_status status;
  hr_pool_block_begin();
  status = reader_new(&source, o->file);
  hr_pool_block_end();
  if (status != HR_OK) return status;
  size_t before = ((reader_source *)source)->begin;
  status = o->fn(source, o->arg);
  if (!c->read_at_offset || (status == HR_OK && o->end && *o->end))
    c->seek(o->file->desc, (int64_t)(before + (status == HR_OK && o->end ? *o->end : 0)), SEEK_SET);
  hr_source_release(source);
  return status;
}

hr_status hr_source_with_reader(hr_io_file *file, hr_source_fn fn, void *arg, const uint64_t *end) {
  opening o = {file, fn, arg, end};
  return hr_io_file_call(file, open_reader, &o);
}
