/* src/io/memory_source.h - a source over bytes in memory, for tests and fuzzers. The bytes outlive it. */
#ifndef HR_IO_MEMORY_SOURCE_H
#define HR_IO_MEMORY_SOURCE_H

#include <string.h>

#include "base/memory.h"
#include "io/source.h"

typedef struct hr_memory_source {
  hr_source base;
  const uint8_t *data;
} hr_memory_source;

static inline hr_status hr_memory_source_read(hr_source *source, void *to, uint64_t bytes, uint64_t offset) {
  memcpy(to, ((hr_memory_source *)source)->data + offset, bytes);
  return HR_OK;
}
static inline void hr_memory_source_deinit(hr_source *source) { hr_free(source); }

/* The caller owns one reference; NULL without memory. */
static inline hr_source *hr_memory_source_new(const void *data, size_t bytes) {
  static const hr_source_kind kind = {hr_memory_source_read, hr_memory_source_deinit};
  hr_memory_source *source = hr_alloc_zero(sizeof *source);
  if (source && hr_source_init(&source->base, &kind, bytes, "memory") != HR_OK) {
    hr_free(source);
    return NULL;
  }
  if (source) source->data = data;
  return source ? &source->base : NULL;
}

#endif
