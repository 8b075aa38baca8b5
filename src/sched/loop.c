#include "sched/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "base/atomic.h"
#include "base/lock.h"
#include "base/memory.h"
#include "sched/chaos.h"
#include "sched/process.h"

struct hr_loop {
  hr_executor executor; /* how a loop is recognised: its submit is submit_to_loop, its user the loop */
  _Atomic(uint32_t) handles, refs;
  uint32_t generation; /* of the process that made it */
  int read_fd, write_fd;
  hr_mutex lock;
  hr_job_list queue; /* guarded by lock */
  bool closed;       /* guarded by lock */
};

/* --- the descriptor --- */

#ifdef __linux__
#include <sys/eventfd.h>

static bool open_fds(hr_loop *loop) {
  loop->read_fd = loop->write_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  return loop->read_fd >= 0;
}
#else
static bool open_fds(hr_loop *loop) {
  int fds[2];
  if (pipe(fds) != 0) return false;
  for (int i = 0; i < 2; i++) {
    fcntl(fds[i], F_SETFL, O_NONBLOCK);
    fcntl(fds[i], F_SETFD, FD_CLOEXEC);
  }
  loop->read_fd = fds[0];
  loop->write_fd = fds[1];
  return true;
}
#endif

static void close_fds(hr_loop *loop) {
  close(loop->read_fd);
  if (loop->write_fd != loop->read_fd) close(loop->write_fd);
}

/* A write that fails finds the descriptor full, and therefore readable. */
static void signal_fd(hr_loop *loop) {
  uint64_t one = 1;
  int saved = errno;
  while (write(loop->write_fd, &one, sizeof one) < 0 && errno == EINTR) continue;
  errno = saved;
}

static void drain_fd(hr_loop *loop) {
  char bytes[256];
  int saved = errno;
  ssize_t got;
  do got = read(loop->read_fd, bytes, sizeof bytes);
  while (got == (ssize_t)sizeof bytes || (got < 0 && errno == EINTR));
  errno = saved;
}

/* --- the loop --- */

static void submit_to_loop(void *user, void (*run)(void *item), void *item) {
  (void)user;
  run(item); /* only for those who call it by hand: jobs go by hr_loop_push() */
}

static bool of_other_process(const hr_loop *loop) { return loop->generation != hr_process_generation(); }

static hr_status refuse_other_process(void) {
  return hr_fail(HR_CLOSED, "the loop belongs to the process before the fork");
}

hr_status hr_loop_create(hr_loop **out) {
  *out = NULL;
  hr_loop *loop = hr_alloc_zero(sizeof *loop);
  if (!loop) return hr_fail(HR_OUT_OF_MEMORY, "no memory for a loop");
  hr_process_hooks_install();
  hr_status status = hr_executor_need_callback_thread(); /* takes over what a closed loop leaves (O2) */
  if (status == HR_OK && !open_fds(loop)) status = hr_fail(HR_IO, "no descriptor for a loop: %s", strerror(errno));
  if (status != HR_OK) {
    hr_free(loop);
    return status;
  }
  loop->executor = (hr_executor){submit_to_loop, loop};
  atomic_init(&loop->handles, 1u);
  atomic_init(&loop->refs, 1u);
  loop->generation = hr_process_generation();
  *out = loop;
  return HR_OK;
}

void hr_loop_handle_retain(hr_loop *loop) { hr_add_relaxed(&loop->handles, 1u); }

static void unref(hr_loop *loop) {
  if (hr_sub_acq_rel(&loop->refs, 1u) != 1) return;
  close_fds(loop);
  hr_free(loop);
}

void hr_loop_handle_release(hr_loop *loop) {
  if (hr_sub_acq_rel(&loop->handles, 1u) != 1) return;
  hr_job_list left = {0};
  if (!of_other_process(loop)) {
    hr_mutex_lock(&loop->lock);
    loop->closed = true;
    left = loop->queue;
    loop->queue = (hr_job_list){0};
    hr_mutex_unlock(&loop->lock);
  }
  if (left.first) hr_job_push_callback_thread(&left);
  unref(loop);
}

hr_loop *hr_loop_of_executor(const hr_executor *executor) {
  return executor && executor->submit == submit_to_loop ? executor->user : NULL;
}

const hr_executor *hr_loop_own_executor(hr_loop *loop) { return &loop->executor; }

hr_status hr_loop_attach(hr_loop *loop) {
  if (of_other_process(loop)) return refuse_other_process();
  hr_add_relaxed(&loop->refs, 1u);
  return HR_OK;
}

void hr_loop_detach(hr_loop *loop) { unref(loop); }

void hr_loop_push(hr_loop *loop, hr_job_list *list) {
  hr_add_relaxed(&loop->refs, 1u); /* the jobs may run, and drop theirs, before the descriptor is written */
  hr_chaos_point();
  hr_mutex_lock(&loop->lock);
  bool closed = loop->closed, first = !loop->queue.first;
  if (!closed) {
    *(first ? &loop->queue.first : &loop->queue.last->next) = list->first;
    loop->queue.last = list->last;
  }
  hr_mutex_unlock(&loop->lock);
  if (closed)
    hr_job_push_callback_thread(list);
  else if (first)
    signal_fd(loop);
  *list = (hr_job_list){0};
  unref(loop);
}

int hr_loop_descriptor(const hr_loop *loop) { return of_other_process(loop) ? -1 : loop->read_fd; }

/* The first jobs of the queue, at most max. */
static hr_job *take(hr_loop *loop, size_t max) {
  hr_mutex_lock(&loop->lock);
  hr_job *first = loop->queue.first, *last = first;
  for (size_t i = 1; last && i < max && last->next; i++) last = last->next;
  loop->queue.first = last ? last->next : NULL;
  if (!loop->queue.first) loop->queue.last = NULL;
  if (last) last->next = NULL;
  bool more = loop->queue.first != NULL;
  hr_mutex_unlock(&loop->lock);
  if (more) signal_fd(loop);
  return first;
}

hr_status hr_loop_deliver(size_t *out_count, hr_loop *loop, size_t max) {
  size_t count = 0;
  if (out_count) *out_count = 0;
  if (of_other_process(loop)) return refuse_other_process();
  drain_fd(loop);
  hr_chaos_point();
  for (hr_job *job = take(loop, max ? max : SIZE_MAX), *next; job; job = next, count++) {
    next = job->next;
    job->run(job); /* may run a dispatch of its own */
  }
  if (out_count) *out_count = count;
  return HR_OK;
}
