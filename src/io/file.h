/* src/io/file.h - a reader or writer made of functions of the program.
 *
 * F1  Reference counted: a handle holds one reference, each read or write that is queued another. `calls.free` runs
 *     with the last one, with no lock held and never on a thread of the runtime (R18).
 * F2  All other functions are called as tasks of a stream that each file has for itself, one at a time (R27): a worker
 *     runs them, who needs their results is parked or waits, and a task gives its worker's place up meanwhile (W5).
 *     Only `label` is also called by whoever asks for the text.
 * F3  A function that is NULL is not there: a reader needs is_open, good, tell, seek and read or read_at_offset, a
 *     writer is_open, good and write; who needs one that is missing fails with HR_INVALID.
 * F4  A function of the file that loads or saves through the same file would wait for itself: HR_DEADLOCK. */
#ifndef HR_IO_FILE_H
#define HR_IO_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/atomic.h"
#include "base/error.h"
#include "sched/executor.h"

typedef struct hr_stream hr_stream;

/* The members of mlx_io_vtable, in its order. */
typedef struct hr_io_calls {
  bool (*is_open)(void *);
  bool (*good)(void *);
  size_t (*tell)(void *);
  void (*seek)(void *, int64_t offset, int whence);
  void (*read)(void *, char *data, size_t bytes);
  void (*read_at_offset)(void *, char *data, size_t bytes, size_t offset);
  void (*write)(void *, const char *data, size_t bytes);
  const char *(*label)(void *);
  void (*free)(void *);
} hr_io_calls;

typedef struct hr_io_file {
  _Atomic(uint32_t) refs;
  void *desc;
  hr_io_calls calls;
  _Atomic(hr_stream *) stream; /* one handle, made on first use */
  hr_job job;                  /* for calls.free */
} hr_io_file;

/* The caller owns one reference; on failure calls.free is not called. */
hr_status hr_io_file_new(hr_io_file **out, void *desc, const hr_io_calls *calls) HR_MUST_USE;
hr_io_file *hr_io_file_retain(hr_io_file *file);
void hr_io_file_release(hr_io_file *file); /* NULL is fine */

/* What label() answers; "" without one or when it answers NULL. */
const char *hr_io_file_label(const hr_io_file *file);

/* The file's own stream, borrowed. */
hr_status hr_io_file_stream(hr_stream **out, hr_io_file *file) HR_MUST_USE;

/* Runs fn(arg) as a task of the file's stream, waits for it, and answers what it answered, with its text. */
hr_status hr_io_file_call(hr_io_file *file, hr_status (*fn)(void *arg), void *arg) HR_MUST_USE;

/* On the file's stream: fails unless the file has what a reader (a writer) needs, is open and in order. */
hr_status hr_io_file_check_reader(const hr_io_file *file) HR_MUST_USE;
hr_status hr_io_file_check_writer(const hr_io_file *file) HR_MUST_USE;

#endif
