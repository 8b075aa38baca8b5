/* src/io/sink.h - where bytes are saved: a file that is replaced as a whole, or a writer of the program's own.
 *
 * K1  A path is saved to a new file in the same folder, which is synced, renamed over the old one, and the folder
 *     synced. Whoever looks sees the old file or the new one; after a failure the old one is there and the new one is
 *     gone. The mode of the old file is kept; symbolic links are followed, and stay.
 * K2  A writer's functions run on its stream (file.h). Nothing can be taken back there: a failure leaves what was
 *     written.
 * K3  Small writes are collected. Used by one thread at a time. */
#ifndef HR_IO_SINK_H
#define HR_IO_SINK_H

#include "io/file.h"

enum { HR_SINK_BUFFER = 1 << 16 };

typedef struct hr_sink {
  char *label;      /* for the texts of errors */
  hr_io_file *file; /* borrowed; NULL for a path */
  int fd;
  uint64_t written; /* bytes so far */
  size_t held;      /* of them in buffer */
  uint8_t buffer[HR_SINK_BUFFER];
} hr_sink;

hr_status hr_sink_write(hr_sink *sink, const void *data, uint64_t bytes) HR_MUST_USE;
/* Zeros until `written` is a multiple of alignment. */
hr_status hr_sink_pad(hr_sink *sink, uint64_t alignment) HR_MUST_USE;

/* Opens the path, or takes the writer, for fn(sink, arg), and completes the saving if that succeeds. `extension` is
 * added to a path that does not end with it. */
typedef hr_status (*hr_sink_fn)(hr_sink *sink, void *arg);
hr_status hr_sink_with_path(const char *path, const char *extension, hr_sink_fn fn, void *arg) HR_MUST_USE;
hr_status hr_sink_with_writer(hr_io_file *writer, hr_sink_fn fn, void *arg) HR_MUST_USE;

#endif
