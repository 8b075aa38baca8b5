/* src/io/source.h - bytes to load from: a file, a reader of the program's own, or a part of either.
 *
 * S1  A source is reference counted: each load that is queued holds one reference, the last one closes the file.
 * S2  `size` is what the file had when it was opened. All that headers claim is checked against it before memory is
 *     taken. A file that has become shorter since is an error of the load that misses the bytes. Nothing is mapped.
 * S3  Files may be read by any number of threads at once. A source with a `file` (a reader of the program's own) is
 *     read on that file's stream only.
 * S4  Bytes that the system has in memory are copied by all idle cores; before a read that may sleep, a task gives its
 *     worker's place up (W5). */
#ifndef HR_IO_SOURCE_H
#define HR_IO_SOURCE_H

#include "io/file.h"

typedef struct hr_source hr_source;

typedef struct hr_source_kind {
  /* All `bytes` from `offset` on, which are within the size (the caller has seen to it). */
  hr_status (*read)(hr_source *source, void *to, uint64_t bytes, uint64_t offset);
  /* Frees what the kind owns. */
  void (*deinit)(hr_source *source);
} hr_source_kind;

struct hr_source {
  _Atomic(uint32_t) refs;
  const hr_source_kind *kind;
  uint64_t size;    /* bytes */
  char *label;      /* for the texts of errors; the end of long paths */
  hr_io_file *file; /* borrowed; NULL: S3 */
};

/* For kinds: fills the fields; label is copied. The caller owns one reference. */
hr_status hr_source_init(hr_source *source, const hr_source_kind *kind, uint64_t size, const char *label) HR_MUST_USE;
hr_source *hr_source_retain(hr_source *source);
void hr_source_release(hr_source *source); /* NULL is fine */

/* Reads exactly `bytes`. `what` is being read, for the text: "the header". */
hr_status hr_source_read(hr_source *source, void *to, uint64_t bytes, uint64_t offset, const char *what) HR_MUST_USE;

/* Fails unless there are that many bytes at offset. */
hr_status hr_source_need(const hr_source *source, uint64_t bytes, uint64_t offset, const char *what) HR_MUST_USE;

/* hr_fail(HR_IO) with the label in front. */
hr_status hr_source_fail(const hr_source *source, const char *format, ...) HR_PRINTF(2, 3);
/* The same with another status. */
hr_status hr_source_refuse(const hr_source *source, hr_status status, const char *format, ...) HR_PRINTF(3, 4);

/* Text from a file as it may stand in an error: at most 63 bytes, what is not printable ASCII as '?'. */
enum { HR_QUOTE = 64 };
const char *hr_quote(char out[HR_QUOTE], const char *text, size_t bytes);

/* Opens a regular file, or a reader from its position on, for fn(source, arg), whose answer is the result. */
typedef hr_status (*hr_source_fn)(hr_source *source, void *arg);
hr_status hr_source_with_path(const char *path, hr_source_fn fn, void *arg) HR_MUST_USE;
/* fn runs on the reader's stream. If it succeeds and leaves *end > 0, the reader's position is moved to byte *end of
 * the source, otherwise it is what it was. `end` may be NULL. */
hr_status hr_source_with_reader(hr_io_file *file, hr_source_fn fn, void *arg, const uint64_t *end) HR_MUST_USE;

#endif
