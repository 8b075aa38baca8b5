/* src/base/futex.c - the system call on Linux, condition variables elsewhere. */
#include "base/futex.h"

#include <errno.h>
#include <time.h>

enum { NS_PER_S = 1000000000 };

#if defined(__linux__) && !defined(HR_FUTEX_PORTABLE)
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct timespec timespec_of(int64_t ns) {
  return (struct timespec){.tv_sec = (time_t)(ns / NS_PER_S), .tv_nsec = (long)(ns % NS_PER_S)};
}

bool hr_futex_wait(_Atomic(uint32_t) *word, uint32_t expected, int64_t timeout_ns) {
  struct timespec limit = timespec_of(timeout_ns);
  int saved = errno;
  long rc = syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, timeout_ns < 0 ? NULL : &limit, NULL, 0);
  bool in_time = rc == 0 || errno != ETIMEDOUT;
  errno = saved;
  return in_time;
}

void hr_futex_wake(_Atomic(uint32_t) *word, int count) {
  int saved = errno;
  syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
  errno = saved;
}

#else
#include <pthread.h>

/* Waiters of words that hash alike share a condition variable: a wake is a broadcast, the others sleep on (F2). The
 * clock is the system's time of day, since a static initialiser knows no other: a clock that is set moves timeouts. */
enum { BUCKETS = 16 };
typedef struct bucket {
  pthread_mutex_t lock;
  pthread_cond_t changed;
} bucket;
#define BUCKET \
  { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER }
static bucket buckets[BUCKETS] = {BUCKET, BUCKET, BUCKET, BUCKET, BUCKET, BUCKET, BUCKET, BUCKET,
                                  BUCKET, BUCKET, BUCKET, BUCKET, BUCKET, BUCKET, BUCKET, BUCKET};

static bucket *bucket_of(const void *word) { return &buckets[((uintptr_t)word >> 6 ^ (uintptr_t)word >> 2) % BUCKETS]; }

static struct timespec deadline_of(int64_t timeout_ns) {
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  t.tv_sec += (time_t)(timeout_ns / NS_PER_S);
  t.tv_nsec += (long)(timeout_ns % NS_PER_S);
  if (t.tv_nsec >= NS_PER_S) {
    t.tv_nsec -= NS_PER_S;
    t.tv_sec++;
  }
  return t;
}

bool hr_futex_wait(_Atomic(uint32_t) *word, uint32_t expected, int64_t timeout_ns) {
  bucket *b = bucket_of(word);
  bool in_time = true;
  pthread_mutex_lock(&b->lock);
  /* The waker takes the lock after it changed the word: this load sees the change, or the wake sees the sleeper. */
  if (atomic_load_explicit(word, memory_order_relaxed) == expected) {
    struct timespec limit = deadline_of(timeout_ns < 0 ? 0 : timeout_ns);
    if (timeout_ns < 0)
      pthread_cond_wait(&b->changed, &b->lock);
    else
      in_time = pthread_cond_timedwait(&b->changed, &b->lock, &limit) != ETIMEDOUT;
  }
  pthread_mutex_unlock(&b->lock);
  return in_time;
}

void hr_futex_wake(_Atomic(uint32_t) *word, int count) {
  (void)count;
  bucket *b = bucket_of(word);
  pthread_mutex_lock(&b->lock);
  pthread_cond_broadcast(&b->changed);
  pthread_mutex_unlock(&b->lock);
}
#endif
