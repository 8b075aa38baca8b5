/* bench/limits_run.c - runs the loops of limits.h on two pinned threads. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "bench.h"
#include "limits.h"

enum { THREADS = 2 };

typedef struct team {
  bench_loop_fn fn;
  const bench_loop *loop;
  int rounds;
  _Atomic(int) arrived; /* counts up by THREADS a round; the threads spin, for a round may take few microseconds */
  double seconds;       /* written by thread 0 */
} team;

typedef struct member {
  team *team;
  int index;
} member;

/* Pins the calling thread to the `index`th core that the process may use, if there are that many. */
static void pin(int index) {
  cpu_set_t allowed, one;
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
  for (int cpu = 0, seen = 0; cpu < CPU_SETSIZE; cpu++) {
    if (!CPU_ISSET(cpu, &allowed) || seen++ != index) continue;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    pthread_setaffinity_np(pthread_self(), sizeof one, &one);
    return;
  }
}

static void meet(team *t, int round) {
  atomic_fetch_add_explicit(&t->arrived, 1, memory_order_acq_rel);
  while (atomic_load_explicit(&t->arrived, memory_order_acquire) < THREADS * (round + 1)) continue;
}

static void *work(void *arg) {
  const member *self = arg;
  team *t = self->team;
  int64_t half = (t->loop->count / THREADS + LIMIT_ROW - 1) / LIMIT_ROW * LIMIT_ROW;
  int64_t first = self->index == 0 ? 0 : half, end = self->index == 0 ? half : t->loop->count;
  pin(self->index);
  meet(t, 0);
  int64_t start = bench_now_ns();
  for (int i = 0; i < t->rounds; i++) {
    t->fn(t->loop, first, end);
    meet(t, i + 1);
  }
  if (self->index == 0) t->seconds = bench_since_ns(start) * 1e-9 / t->rounds;
  return NULL;
}

double bench_loop_seconds(bench_loop_fn fn, const bench_loop *loop, int rounds) {
  team t = {.fn = fn, .loop = loop, .rounds = rounds};
  member members[THREADS] = {{&t, 0}, {&t, 1}};
  void *args[THREADS] = {&members[0], &members[1]};
  bench_threads(THREADS, work, args);
  return t.seconds;
}
