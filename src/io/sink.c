#include "io/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "sched/pool.h"
#include "sched/thread.h"

enum { NAME_TRIES = 100, WRITE_BYTES = 1 << 30 };

/* --- writing --- */

static hr_status write_path(const hr_sink *sink, const char *data, uint64_t bytes) {
  while (bytes) {
    ssize_t put = write(sink->fd, data, bytes < WRITE_BYTES ? bytes : WRITE_BYTES);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return hr_fail(HR_IO, "%s: cannot write: %s", sink->label, strerror(errno));
    data += put;
    bytes -= (uint64_t)put;
  }
  return HR_OK;
}

static hr_status write_file(const hr_sink *sink, const char *data, uint64_t bytes) {
  const hr_io_calls *c = &sink->file->calls;
  c->write(sink->file->desc, data, bytes);
  if (c->good(sink->file->desc)) return HR_OK;
  return hr_fail(HR_IO, "%s: the writer has failed to write %llu bytes", sink->label, (unsigned long long)bytes);
}

static hr_status write_through(const hr_sink *sink, const void *data, uint64_t bytes) {
  if (!bytes) return HR_OK;
  return (sink->file ? write_file : write_path)(sink, data, bytes);
}

static hr_status flush(hr_sink *sink) {
  size_t held = sink->held;
  sink->held = 0;
  return write_through(sink, sink->buffer, held);
}

hr_status hr_sink_write(hr_sink *sink, const void *data, uint64_t bytes) {
  bool large = bytes > sizeof sink->buffer / 2;
  sink->written += bytes;
  if (large || bytes > sizeof sink->buffer - sink->held) {
    hr_status status = flush(sink);
    if (status != HR_OK) return status;
  }
  if (large) return write_through(sink, data, bytes);
  if (bytes) memcpy(sink->buffer + sink->held, data, bytes);
  sink->held += bytes;
  return HR_OK;
}

hr_status hr_sink_pad(hr_sink *sink, uint64_t alignment) {
  static const uint8_t zeros[256];
  uint64_t left = (alignment - sink->written % alignment) % alignment;
  hr_status status = HR_OK;
  while (left && status == HR_OK) {
    uint64_t some = left < sizeof zeros ? left : sizeof zeros;
    status = hr_sink_write(sink, zeros, some);
    left -= some;
  }
  return status;
}

/* --- paths --- */

typedef struct target {
  char *path;  /* of the file that is replaced, through all links */
  char *temp;  /* beside it, while it exists */
  size_t dir;  /* length of the folder in path, with its slash */
  bool is_new; /* there is no old file */
  mode_t mode; /* of the old file */
  hr_sink *sink;
} target;

static hr_status fail(const char *path, const char *what) {
  int error = errno;
  size_t length = strlen(path);
  return hr_fail(HR_IO, "%s%s: %s: %s", length > 400 ? "..." : "", path + (length > 400 ? length - 400 : 0), what,
                 strerror(error));
}

static hr_status no_memory(void) { return hr_fail(HR_OUT_OF_MEMORY, "no memory to save a file"); }

static hr_status with_extension(char **out, const char *path, const char *extension) {
  size_t length = strlen(path), end = strlen(extension);
  bool has = length >= end && !strcmp(path + length - end, extension);
  *out = hr_alloc(length + end + 1);
  if (!*out) return no_memory();
  memcpy(*out, path, length + 1);
  if (!has) memcpy(*out + length, extension, end + 1);
  return HR_OK;
}

/* The old file: it has to be a regular one that may be written, as if it were opened. */
static hr_status look_at_old(target *t, const char *path) {
  struct stat info;
  char real[PATH_MAX];
  t->is_new = stat(path, &info) != 0;
  if (t->is_new && errno != ENOENT) return fail(path, "cannot save");
  if (!t->is_new && !S_ISREG(info.st_mode)) return hr_fail(HR_IO, "%.500s: this is no regular file", path);
  if (!t->is_new && access(path, W_OK)) return fail(path, "cannot save");
  if (!t->is_new && !realpath(path, real)) return fail(path, "cannot save");
  t->mode = info.st_mode & 07777;
  t->path = hr_strdup(t->is_new ? path : real);
  if (!t->path) return no_memory();
  const char *slash = strrchr(t->path, '/');
  t->dir = slash ? (size_t)(slash - t->path) + 1 : 0;
  return HR_OK;
}

/* A name that nobody has, by process, time and number; O_EXCL sees to it. Names stay within the usual 255 bytes. */
static hr_status make_temp(target *t) {
  static _Atomic(uint32_t) number;
  size_t bytes = t->dir + 64;
  t->temp = hr_alloc(bytes);
  if (!t->temp) return no_memory();
  for (int i = 0; i < NAME_TRIES; i++) {
    snprintf(t->temp, bytes, "%.*s.headrace-%lx-%lx-%x.tmp", (int)t->dir, t->path, (unsigned long)getpid(),
             (unsigned long)hr_now_ns(), hr_add_relaxed(&number, 1u));
    t->sink->fd = open(t->temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, 0666);
    if (t->sink->fd >= 0 || errno != EEXIST) break;
  }
  if (t->sink->fd >= 0) return HR_OK;
  hr_free(t->temp);
  t->temp = NULL;
  return fail(t->path, "cannot make a file beside it");
}

/* The rename is done by now: what cannot be opened (a folder without permission to read), or knows no sync, is no
 * failure, but a disk that fails is. */
static hr_status sync_folder(const target *t) {
  char *dir = hr_alloc(t->dir + 2);
  if (!dir) return no_memory();
  snprintf(dir, t->dir + 2, "%.*s%s", (int)t->dir, t->path, t->dir ? "" : ".");
  int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  hr_status status = fd >= 0 && fsync(fd) && errno == EIO ? fail(dir, "cannot sync the folder") : HR_OK;
  if (fd >= 0) close(fd);
  hr_free(dir);
  return status;
}

static hr_status close_file(hr_sink *sink) {
  int fd = sink->fd;
  sink->fd = -1;
  return close(fd) ? fail(sink->label, "cannot write") : HR_OK;
}

static hr_status commit(target *t) {
  hr_status status;
  HR_TRY(flush(t->sink));
  if (!t->is_new && fchmod(t->sink->fd, t->mode)) HR_TRY(fail(t->path, "cannot set the mode"));
  if (fsync(t->sink->fd)) HR_TRY(fail(t->path, "cannot sync"));
  HR_TRY(close_file(t->sink));
  if (rename(t->temp, t->path)) HR_TRY(fail(t->path, "cannot rename the new file"));
  hr_free(t->temp);
  t->temp = NULL;
  HR_TRY(sync_folder(t));
done:
  return status;
}

static hr_status sink_new(hr_sink **out, const char *label, hr_io_file *file) {
  hr_sink *sink = *out = hr_alloc(sizeof *sink);
  if (!sink) return no_memory();
  sink->file = file;
  sink->fd = -1;
  sink->written = sink->held = 0;
  sink->label = hr_strdup(label);
  return sink->label ? HR_OK : no_memory();
}

static void sink_free(hr_sink *sink) {
  if (!sink) return;
  if (sink->fd >= 0) close(sink->fd);
  hr_free(sink->label);
  hr_free(sink);
}

static hr_status save_to(target *t, const char *path, hr_sink_fn fn, void *arg) {
  size_t length = strlen(path);
  hr_status status;
  HR_TRY(look_at_old(t, path));
  HR_TRY(sink_new(&t->sink, path + (length > 400 ? length - 400 : 0), NULL));
  HR_TRY(make_temp(t));
  HR_TRY(fn(t->sink, arg));
  HR_TRY(commit(t));
done:
  return status;
}

hr_status hr_sink_with_path(const char *path, const char *extension, hr_sink_fn fn, void *arg) {
  const hr_thread *thread = hr_thread_peek();
  bool in_task = thread && thread->in_task;
  target t = {0};
  char *full = NULL;
  hr_status status;
  if (in_task) hr_pool_block_begin();
  HR_TRY(with_extension(&full, path, extension));
  HR_TRY(save_to(&t, full, fn, arg));
done:
  sink_free(t.sink);
  if (t.temp) unlink(t.temp);
  hr_free(t.temp);
  hr_free(t.path);
  hr_free(full);
  if (in_task) hr_pool_block_end();
  return status;
}

/* --- writers --- */

typedef struct using_writer {
  hr_io_file *file;
  hr_sink_fn fn;
  void *arg;
} using_writer;

static hr_status use_writer(void *arg) {
  const using_writer *u = arg;
  hr_sink *sink = NULL;
  hr_status status;
  hr_pool_block_begin();
  HR_TRY(hr_io_file_check_writer(u->file));
  const char *label = hr_io_file_label(u->file);
  HR_TRY(sink_new(&sink, *label ? label : "writer", u->file));
  HR_TRY(u->fn(sink, u->arg));
  HR_TRY(flush(sink));
done:
  sink_free(sink);
  hr_pool_block_end();
  return status;
}

hr_status hr_sink_with_writer(hr_io_file *writer, hr_sink_fn fn, void *arg) {
  using_writer u = {writer, fn, arg};
  return hr_io_file_call(writer, use_writer, &u);
}
