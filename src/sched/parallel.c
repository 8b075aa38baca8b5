#include "sched/parallel.h"

#include "sched/pool.h"
#include "sched/thread.h"
#include "sched/tuning.h"

/* Whether sleepers should be woken for `rest_ns` of work: when it is worth it by itself, or with what this thread did
 * alone in loops shortly before. Loops of a few microseconds in a row so get company, single ones do not. */
static bool worth_waking(int64_t rest_ns, int64_t now_ns) {
  hr_thread *thread = hr_thread_get();
  if (!thread || rest_ns > HR_LOOP_WORTH_NS) return rest_ns > HR_LOOP_WORTH_NS;
  if (now_ns - thread->alone_at > HR_LOOP_WORTH_NS) thread->alone_ns = 0;
  thread->alone_at = now_ns;
  thread->alone_ns += rest_ns;
  bool worth = thread->alone_ns > HR_LOOP_WORTH_NS;
  if (worth) thread->alone_ns = 0;
  return worth;
}

/* Threads that spin see the loop at once; sleepers are woken when the first chunk shows that the rest is worth it, or
 * before it if the caller knows that. */
static void run(hr_loop_work *loop, bool is_long) {
  hr_pool_loop_open(loop);
  if (is_long) hr_pool_loop_wake(loop->chunks - 1);
  int64_t begin = hr_now_ns();
  hr_loop_run_chunk(loop, 0);
  int64_t left = loop->chunks - hr_load_relaxed(&loop->taken);
  if (!is_long && left > 0 && hr_load_relaxed(&loop->guests) == 0) {
    int64_t now = hr_now_ns();
    if (worth_waking((now - begin) * left, now)) hr_pool_loop_wake(left);
  }
  for (int64_t chunk = 1; hr_add_relaxed(&loop->taken, 1) < loop->chunks; chunk++) hr_loop_run_chunk(loop, chunk);
  hr_pool_loop_close(loop);
}

typedef enum kind { PLAIN, LIGHT, LONG } kind;

static void run_range(int64_t count, int64_t grain, void (*fn)(void *ctx, int64_t first, int64_t end), void *ctx,
                      kind kind) {
  if (count <= 0) return;
  if (grain < 1) grain = 1;
  if (count <= grain) {
    fn(ctx, 0, count);
    return;
  }
  hr_loop_work loop = {.fn = fn,
                       .ctx = ctx,
                       .count = count,
                       .grain = grain,
                       .chunks = (count - 1) / grain + 1,
                       .taken = 1,
                       .light = kind == LIGHT};
  run(&loop, kind == LONG);
}

typedef struct chunk_ctx {
  void (*fn)(void *ctx, int64_t chunk);
  void *ctx;
} chunk_ctx;

static void run_chunks(void *arg, int64_t first, int64_t end) {
  const chunk_ctx *c = arg;
  for (; first < end; first++) c->fn(c->ctx, first);
}

void hr_parallel_for(int64_t chunks, void (*fn)(void *ctx, int64_t chunk), void *ctx) {
  run_range(chunks, 1, run_chunks, &(chunk_ctx){fn, ctx}, PLAIN);
}

void hr_parallel_range(int64_t count, int64_t grain, void (*fn)(void *ctx, int64_t first, int64_t end), void *ctx) {
  run_range(count, grain, fn, ctx, PLAIN);
}

void hr_parallel_range_light(int64_t count, int64_t grain, void (*fn)(void *ctx, int64_t first, int64_t end),
                             void *ctx) {
  run_range(count, grain, fn, ctx, LIGHT);
}

void hr_parallel_range_long(int64_t count, int64_t grain, void (*fn)(void *ctx, int64_t first, int64_t end),
                            void *ctx) {
  run_range(count, grain, fn, ctx, LONG);
}
