#include "sched/parallel.h"

#include "sched/pool.h"

typedef enum kind { PLAIN, LIGHT, LONG } kind;

static void run_range(int64_t count, int64_t grain, void (*fn)(void *ctx, int64_t first, int64_t end), void *ctx,
                      kind kind) {
  if (count <= 0) return;
  if (grain < 1) grain = 1;
  if (count <= grain) {
    fn(ctx, 0, count);
    return;
  }
  hr_loop_work loop = {
      .fn = fn, .ctx = ctx, .count = count, .grain = grain, .chunks = (count - 1) / grain + 1, .light = kind == LIGHT};
  hr_pool_loop(&loop, kind == LONG);
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
