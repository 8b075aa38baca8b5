/* src/io/file.h - a reader or writer made of functions of the program.
 *
 * F1  Reference counted: a handle holds one reference, each read or write that is queued another. `calls.free` runs
 *     with the last one, with no lock held.
 * F2  The functions are called by one thread at a time (R27); whoever calls them sees to it.
 * F3  A function that is NULL is not there: a reader needs is_open, good, tell, seek and read or read_at_offset, a
 *     writer is_open, good, tell and write; who needs one that is missing fails with HR_INVALID. */
#ifndef HR_IO_FILE_H
#define HR_IO_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/atomic.h"
#include "base/error.h"

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
} hr_io_file;

/* The caller owns one reference; on failure calls.free is not called. */
hr_status hr_io_file_new(hr_io_file **out, void *desc, const hr_io_calls *calls) HR_MUST_USE;
hr_io_file *hr_io_file_retain(hr_io_file *file);
void hr_io_file_release(hr_io_file *file); /* NULL is fine */

/* What label() answers; "" without one or when it answers NULL. */
const char *hr_io_file_label(const hr_io_file *file);

#endif
