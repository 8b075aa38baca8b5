/* src/io/load.h - an array whose elements a stream's task will read.
 *
 * D1  Headers are read when the call is made; the elements when the array is evaluated, by a task that holds the source
 *     until then. Its trait HR_OP_USER and hr_pool_block_begin() let it sleep without holding a worker's place.
 * D2  What a reader of the program's own delivers is read on the reader's stream, and the stream of the array waits for
 *     that, parked (R27).
 * D3  Elements end up in the machine's byte order, and bool as 0 or 1. */
#ifndef HR_IO_LOAD_H
#define HR_IO_LOAD_H

#include "graph/op.h"
#include "io/source.h"

typedef struct hr_load_plan {
  hr_layout layout; /* dense, row-major or column-major: the elements' order in the file is that in memory */
  uint64_t offset;  /* of the first element, bytes */
  bool big_endian;  /* numbers of the file have their highest byte first */
} hr_load_plan;

/* Fails if the source has not the bytes. `name` is the array's in the file, for the text, or NULL. */
hr_status hr_load_array(hr_array **out, hr_source *source, const hr_load_plan *plan, const char *name,
                        hr_stream *s) HR_MUST_USE;

/* The same for arrays made of the `bytes` at `offset` by fn, which runs as a task. The caller has checked that the
 * source has them, and owns one reference to each output. fn gets all bytes in `data`, and writes every output; one
 * that nobody holds any more is NULL. `arg` points to constant data. */
enum { HR_LOAD_OUTPUTS = 3 };
typedef void (*hr_load_fn)(hr_array *const *out, const uint8_t *data, uint64_t bytes, const void *arg);
hr_status hr_load_decoded(hr_array **out, int out_count, const hr_layout *layouts, hr_source *source, uint64_t offset,
                          uint64_t bytes, hr_load_fn fn, const void *arg, hr_stream *s) HR_MUST_USE;

/* In place, between the machine's byte order and another: numbers of `width` bytes; nothing for a width of 1. */
void hr_swap_bytes(void *data, uint64_t bytes, int width);
/* The width of the numbers that elements are made of: 4 for complex64. */
int hr_number_bytes(hr_dtype dtype);

#endif
