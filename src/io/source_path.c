/* Sources that are regular files. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/memory.h"
#include "io/source.h"
#include "sched/parallel.h"
#include "sched/pool.h"
#include "sched/thread.h"

/* A piece is copied in 50 to 100 us when it is in memory. */
enum { PIECE_BYTES = 512 << 10 };

typedef struct file_source {
  hr_source base;
  int fd;
} file_source;

/* One read of at most `bytes`, which do not sleep if `now`; as read(). */
static ssize_t read_once(int fd, char *to, size_t bytes, uint64_t offset, bool now) {
  ssize_t got;
  do {
#ifdef RWF_NOWAIT
    struct iovec part = {to, bytes};
    got = now ? preadv2(fd, &part, 1, (off_t)offset, RWF_NOWAIT) : pread(fd, to, bytes, (off_t)offset);
#else
    got = now ? -1 : pread(fd, to, bytes, (off_t)offset);
    if (now) errno = EAGAIN;
#endif
  } while (got < 0 && errno == EINTR);
  return got;
}

/* Reads until all is there, or the rest has to be waited for (if `now`), or the file ends, or an error; answers how
 * much there was. errno is 0 at the end of the file. */
static size_t read_piece(int fd, char *to, size_t bytes, uint64_t offset, bool now) {
  size_t done = 0;
  while (done < bytes) {
    size_t want = bytes - done < (size_t)1 << 30 ? bytes - done : (size_t)1 << 30;
    ssize_t got = read_once(fd, to + done, want, offset + done, now);
    if (got == 0) errno = 0;
    if (got <= 0) return done;
    done += (size_t)got;
  }
  return done;
}

typedef struct reading {
  int fd;
  char *to;
  uint64_t bytes, offset;
  uint8_t *there; /* of each piece: it has been read */
} reading;

static size_t piece_length(const reading *r, int64_t piece) {
  uint64_t left = r->bytes - (uint64_t)piece * PIECE_BYTES;
  return left < PIECE_BYTES ? (size_t)left : PIECE_BYTES;
}

static void read_pieces(void *ctx, int64_t first, int64_t end) {
  const reading *r = ctx;
  for (int64_t i = first; i < end; i++) {
    uint64_t at = (uint64_t)i * PIECE_BYTES;
    size_t length = piece_length(r, i);
    r->there[i] = read_piece(r->fd, r->to + at, length, r->offset + at, true) == length;
  }
}

/* Reads that may sleep. Inside a task the worker's place is free for others meanwhile. */
static hr_status read_sleeping(const hr_source *source, const reading *r, uint64_t from, uint64_t bytes) {
  const hr_thread *thread = hr_thread_peek();
  bool in_task = thread && thread->in_task;
  if (in_task) hr_pool_block_begin();
  size_t got = read_piece(r->fd, r->to + from, bytes, r->offset + from, false);
  int error = errno;
  if (in_task) hr_pool_block_end();
  if (got == bytes) return HR_OK;
  if (error)
    return hr_source_fail(source, "cannot read at byte %llu: %s", (unsigned long long)(r->offset + from + got),
                          strerror(error));
  return hr_source_fail(source, "the file ends at byte %llu; it had %llu bytes when it was opened",
                        (unsigned long long)(r->offset + from + got), (unsigned long long)source->size);
}

static hr_status read_large(const hr_source *source, reading *r) {
  int64_t pieces = (int64_t)((r->bytes + PIECE_BYTES - 1) / PIECE_BYTES);
  hr_status status = HR_OK;
  r->there = hr_alloc_zero((size_t)pieces);
  if (!r->there) return hr_fail(HR_OUT_OF_MEMORY, "no memory to read %lld pieces", (long long)pieces);
  hr_parallel_range(pieces, 1, read_pieces, r);
  for (int64_t i = 0; i < pieces && status == HR_OK; i++)
    if (!r->there[i]) status = read_sleeping(source, r, (uint64_t)i * PIECE_BYTES, piece_length(r, i));
  hr_free(r->there);
  return status;
}

static hr_status file_read(hr_source *source, void *to, uint64_t bytes, uint64_t offset) {
  reading r = {((file_source *)source)->fd, to, bytes, offset, NULL};
  if (bytes > PIECE_BYTES) return read_large(source, &r);
  size_t got = read_piece(r.fd, to, bytes, offset, true);
  return got == bytes ? HR_OK : read_sleeping(source, &r, got, bytes - got);
}

static void file_deinit(hr_source *source) {
  close(((file_source *)source)->fd);
  hr_free(source);
}

static const hr_source_kind file_kind = {file_read, file_deinit};

static hr_status file_new(hr_source **out, const char *path, int fd) {
  struct stat info;
  if (fstat(fd, &info)) return hr_fail(HR_IO, "%.500s: %s", path, strerror(errno));
  if (!S_ISREG(info.st_mode)) return hr_fail(HR_IO, "%.500s: this is no regular file", path);
  file_source *source = hr_alloc_zero(sizeof *source);
  if (!source) return hr_fail(HR_OUT_OF_MEMORY, "no memory to open a file");
  hr_status status = hr_source_init(&source->base, &file_kind, (uint64_t)info.st_size, path);
  if (status != HR_OK) {
    hr_free(source);
    return status;
  }
  source->fd = fd;
  *out = &source->base;
  return HR_OK;
}

hr_status hr_source_with_path(const char *path, hr_source_fn fn, void *arg) {
  hr_source *source = NULL;
  int fd;
  do { /* without O_NONBLOCK a pipe would wait for its other end */
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) return hr_fail(HR_IO, "%.500s: cannot open: %s", path, strerror(errno));
  hr_status status = file_new(&source, path, fd);
  if (status != HR_OK) {
    close(fd);
    return status;
  }
  status = fn(source, arg);
  hr_source_release(source);
  return status;
}
