/* src/io/fuzz.h - what the fuzzers of file formats share. Each loads a file from memory, headers and all elements. */
#ifndef HR_IO_FUZZ_H
#define HR_IO_FUZZ_H

#include "base/map.h"
#include "graph/eval.h"
#include "io/memory_source.h"

enum { HR_FUZZ_BYTES = 1 << 22 }; /* larger arrays are not evaluated: packed zeros can be a thousand times their file */

static inline void hr_fuzz_drop(void *value) { hr_array_release(value); }

/* Reads every byte of the arrays that can be evaluated. Failures are fine. */
static inline void hr_fuzz_evaluate(const hr_map *arrays) {
  static volatile unsigned char sink;
  for (size_t i = 0; i < arrays->count; i++) {
    hr_array *a = arrays->entries[i].value;
    const void *data;
    if (hr_array_nbytes(a) > HR_FUZZ_BYTES || hr_array_read(&data, a) != HR_OK) continue;
    for (size_t k = 0; k < hr_array_nbytes(a); k++) sink = (unsigned char)(sink ^ ((const unsigned char *)data)[k]);
  }
}

/* The default stream, which every thread has. */
static inline hr_stream *hr_fuzz_stream(void) {
  hr_stream *s = NULL;
  return hr_stream_default(&s, 0, 0) == HR_OK ? s : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
