#include "pipeline.h"

#include <errno.h>
#include <math.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "hashing.h"
#include "headrace/headrace.h"
#include "mlx/c/mlx.h"
#include "progress.h"

enum { READ, PROJECT, ANSWER, STAGES };
enum { SEED = 7 };

/* Returns false from the calling function's label `done` when a call of the library failed; the library's handler has
 * printed why. */
#define TRY(call) \
  if ((call) != 0) goto done

typedef struct run {
  corpus *c;
  const options *o;
  mlx_stream stream[STAGES];
  mlx_array projection;       /* [features, dims] */
  mlx_array queries;          /* [dims, queries] */
  mlx_array scores, passages; /* the best so far: [queries, top] */
  sem_t window;               /* batches that may still be queued */
  atomic_bool at_end, failed; /* set by the reading task, by a callback */
  atomic_size_t batches_done;
} run;

static double now_s(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* --- stage 1: a task of the program's own --- */

/* Fills one batch: a row of features and a number for each passage; rows past the end of the text are empty. */
static int read_batch(void *arg, const hr_call_view *in, size_t in_count, const hr_call_view *out, size_t out_count) {
  run *r = arg;
  size_t rows = (size_t)r->o->batch, dims = (size_t)r->o->features;
  float *features = out[0].data;
  int32_t *numbers = out[1].data;
  char text[PASSAGE_BYTES + LINE_BYTES];
  (void)in, (void)in_count, (void)out_count;
  for (size_t row = 0; row < rows; row++) {
    size_t length;
    corpus_status status = atomic_load(&r->at_end) ? CORPUS_END : corpus_next(r->c, text, sizeof text, &length);
    if (status == CORPUS_NO_MEMORY) return hr_call_fail("no memory for the list of passages");
    if (status == CORPUS_END) {
      atomic_store(&r->at_end, true);
      memset(features + row * dims, 0, dims * sizeof *features);
    } else {
      features_of(features + row * dims, dims, text, length);
    }
    numbers[row] = status == CORPUS_END ? -1 : (int32_t)(r->c->passage_count - 1);
  }
  return 0;
}

static bool queue_read(mlx_array *features, mlx_array *numbers, run *r) {
  int shape[] = {r->o->batch, r->o->features};
  hr_call_output outputs[] = {{shape, 2, MLX_FLOAT32}, {shape, 1, MLX_INT32}};
  mlx_vector_array both = mlx_vector_array_new(), none = mlx_vector_array_new();
  bool ok = false;
  TRY(hr_stream_call(&both, read_batch, r, NULL, none, outputs, 2, r->stream[READ]));
  TRY(mlx_vector_array_get(features, both, 0));
  TRY(mlx_vector_array_get(numbers, both, 1));
  ok = true;
done:
  mlx_vector_array_free(both);
  mlx_vector_array_free(none);
  return ok;
}

/* --- stages 2 and 3: arrays --- */

/* Rows of length 1 after projection: x R / |x R|. Random projections keep angles (Johnson and Lindenstrauss, 1984). */
static bool project(mlx_array *res, mlx_array features, run *r, mlx_stream s) {
  int last = 1;
  mlx_array p = mlx_array_new(), sq = mlx_array_new(), sum = mlx_array_new(), tiny = mlx_array_new_float(1e-12f);
  bool ok = false;
  TRY(mlx_matmul(&p, features, r->projection, s));
  TRY(mlx_square(&sq, p, s));
  TRY(mlx_sum_axes(&sum, sq, &last, 1, true, s));
  TRY(mlx_add(&sum, sum, tiny, s));
  TRY(mlx_rsqrt(&sum, sum, s));
  TRY(mlx_multiply(res, p, sum, s));
  ok = true;
done:
  mlx_array_free(p);
  mlx_array_free(sq);
  mlx_array_free(sum);
  mlx_array_free(tiny);
  return ok;
}

/* Keeps of the best so far and this batch the `top` best again. */
static bool answer(run *r, mlx_array vectors, mlx_array numbers) {
  mlx_stream s = r->stream[ANSWER];
  int queries = (int)r->o->query_count, top = r->o->top, wide = top + r->o->batch;
  int shape[] = {queries, r->o->batch}, from[] = {0, wide - top}, to[] = {queries, wide}, step[] = {1, 1};
  mlx_array score = mlx_array_new(), ids = mlx_array_new(), order = mlx_array_new();
  mlx_vector_array scores = mlx_vector_array_new_value(r->scores), all = mlx_vector_array_new_value(r->passages);
  bool ok = false;
  TRY(mlx_matmul(&score, vectors, r->queries, s));
  TRY(mlx_transpose(&score, score, s));
  TRY(mlx_broadcast_to(&ids, numbers, shape, 2, s));
  TRY(mlx_vector_array_append_value(scores, score));
  TRY(mlx_vector_array_append_value(all, ids));
  TRY(mlx_concatenate_axis(&score, scores, 1, s));
  TRY(mlx_concatenate_axis(&ids, all, 1, s));
  TRY(mlx_argpartition_axis(&order, score, wide - top, 1, s)); /* the largest stand last */
  TRY(mlx_slice(&order, order, from, 2, to, 2, step, 2, s));
  TRY(mlx_take_along_axis(&r->scores, score, order, 1, s));
  TRY(mlx_take_along_axis(&r->passages, ids, order, 1, s));
  ok = true;
done:
  mlx_array_free(score);
  mlx_array_free(ids);
  mlx_array_free(order);
  mlx_vector_array_free(scores);
  mlx_vector_array_free(all);
  return ok;
}

/* --- before and after --- */

static bool prepare_queries(run *r) {
  int shape[] = {(int)r->o->query_count, r->o->features};
  size_t dims = (size_t)r->o->features;
  float *rows = malloc(r->o->query_count * dims * sizeof *rows);
  mlx_array hashed = mlx_array_new();
  bool ok = false;
  if (!rows) {
    fprintf(stderr, "search: no memory for the queries\n");
    goto done;
  }
  for (size_t i = 0; i < r->o->query_count; i++)
    features_of(rows + i * dims, dims, r->o->queries[i], strlen(r->o->queries[i]));
  TRY(mlx_array_set_data(&hashed, rows, shape, 2, MLX_FLOAT32));
  if (!project(&r->queries, hashed, r, r->stream[PROJECT])) goto done;
  TRY(mlx_transpose(&r->queries, r->queries, r->stream[PROJECT]));
  ok = true;
done:
  mlx_array_free(hashed);
  free(rows);
  return ok;
}

static bool prepare(run *r) {
  static const char *const names[STAGES] = {"read", "project", "answer"};
  int matrix[] = {r->o->features, r->o->dims}, best[] = {(int)r->o->query_count, r->o->top};
  mlx_device cpu = mlx_device_new_type(MLX_CPU, 0);
  mlx_array key = mlx_array_new(), low = mlx_array_new_float(-INFINITY), none = mlx_array_new_int(-1);
  bool ok = false;
  for (int i = 0; i < STAGES; i++) {
    r->stream[i] = mlx_stream_new_device(cpu);
    TRY(hr_stream_set_name(r->stream[i], names[i]));
  }
  TRY(mlx_random_key(&key, SEED));
  TRY(mlx_random_normal(&r->projection, matrix, 2, MLX_FLOAT32, 0, 1, key, r->stream[PROJECT]));
  TRY(mlx_full(&r->scores, best, 2, low, MLX_FLOAT32, r->stream[ANSWER]));
  TRY(mlx_full(&r->passages, best, 2, none, MLX_INT32, r->stream[ANSWER]));
  if (!prepare_queries(r)) goto done;
  TRY(mlx_array_eval(r->queries));
  ok = true;
done:
  mlx_device_free(cpu);
  mlx_array_free(key);
  mlx_array_free(low);
  mlx_array_free(none);
  return ok;
}

static int better(const void *a, const void *b) {
  float x = ((const hit *)a)->score, y = ((const hit *)b)->score;
  if (x != y) return x < y ? 1 : -1;
  return ((const hit *)a)->passage - ((const hit *)b)->passage;
}

static bool collect(hit *hits, run *r) {
  size_t top = (size_t)r->o->top, count = r->o->query_count * top;
  if (mlx_array_eval(r->scores) != 0 || mlx_array_eval(r->passages) != 0) return false;
  const float *scores = mlx_array_data_float32(r->scores);
  const int32_t *passages = mlx_array_data_int32(r->passages);
  if (!scores || !passages) return false;
  for (size_t i = 0; i < count; i++) hits[i] = (hit){scores[i], passages[i]};
  for (size_t q = 0; q < r->o->query_count; q++) qsort(hits + q * top, top, sizeof *hits, better);
  return true;
}

/* Tasks of a run that failed half-way may still use it: waits for them. */
static void release(run *r) {
  for (int i = 0; i < STAGES; i++) {
    if (!r->stream[i].ctx) continue;
    hr_synchronize(r->stream[i], -1);
    mlx_stream_free(r->stream[i]);
  }
  mlx_array_free(r->projection);
  mlx_array_free(r->queries);
  mlx_array_free(r->scores);
  mlx_array_free(r->passages);
  sem_destroy(&r->window);
}

/* --- the two ways through --- */

static void show(run *r, const char *what) {
  progress_show(r->o, what, atomic_load(&r->batches_done), atomic_load(&r->c->bytes_read), r->c->total_bytes);
}

static void batch_done(void *arg, hr_status status) {
  run *r = arg;
  if (status != HR_OK) atomic_store(&r->failed, true);
  atomic_fetch_add(&r->batches_done, 1);
  sem_post(&r->window);
}

/* When the batch's answer is there, a callback opens the window for another. */
static bool announce(run *r) {
  mlx_vector_array best = mlx_vector_array_new_value(r->passages);
  hr_fence *fence = NULL;
  bool ok = false;
  TRY(mlx_vector_array_append_value(best, r->scores));
  TRY(hr_fence_of_arrays(&fence, best));
  TRY(hr_on_complete(NULL, fence, batch_done, r, NULL));
  ok = true;
done:
  hr_fence_release(fence);
  mlx_vector_array_free(best);
  return ok;
}

static bool queue_batch(run *r) {
  mlx_array features = mlx_array_new(), numbers = mlx_array_new(), vectors = mlx_array_new();
  bool ok = queue_read(&features, &numbers, r) && project(&vectors, features, r, r->stream[PROJECT]) &&
            answer(r, vectors, numbers) && announce(r);
  mlx_array_free(features);
  mlx_array_free(numbers);
  mlx_array_free(vectors);
  return ok;
}

/* Waits until a place in the window is free, and draws the bar meanwhile. */
static void wait_window(run *r) {
  struct timespec until;
  for (;;) {
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += 100000000;
    if (until.tv_nsec >= 1000000000) {
      until.tv_sec++;
      until.tv_nsec -= 1000000000;
    }
    if (sem_timedwait(&r->window, &until) == 0) return;
    show(r, "overlapped");
  }
}

static bool run_overlapped(run *r, timing *out) {
  bool ok = true;
  size_t queued = 0;
  while (ok && !atomic_load(&r->at_end) && !atomic_load(&r->failed)) {
    wait_window(r);
    show(r, "overlapped");
    ok = queue_batch(r);
    queued += ok;
  }
  while (atomic_load(&r->batches_done) < queued) wait_window(r); /* nothing of this run is left behind */
  out->batches = queued;
  return ok && !atomic_load(&r->failed);
}

static bool timed_eval(mlx_array a, double *seconds) {
  double begin = now_s();
  bool ok = mlx_array_eval(a) == 0;
  *seconds += now_s() - begin;
  return ok;
}

static bool run_in_turn(run *r, timing *out) {
  bool ok = true;
  for (; ok && !atomic_load(&r->at_end); out->batches++) {
    mlx_array features = mlx_array_new(), numbers = mlx_array_new(), vectors = mlx_array_new();
    ok = queue_read(&features, &numbers, r) && timed_eval(features, &out->stage_s[READ]) &&
         project(&vectors, features, r, r->stream[PROJECT]) && timed_eval(vectors, &out->stage_s[PROJECT]) &&
         answer(r, vectors, numbers) && timed_eval(r->scores, &out->stage_s[ANSWER]) &&
         timed_eval(r->passages, &out->stage_s[ANSWER]);
    mlx_array_free(features);
    mlx_array_free(numbers);
    mlx_array_free(vectors);
    atomic_fetch_add(&r->batches_done, 1);
    show(r, "one after another");
  }
  return ok;
}

bool pipeline_run(hit *hits, timing *out, corpus *c, const options *o, bool overlapped) {
  run r = {.c = c, .o = o};
  *out = (timing){0};
  r.projection = mlx_array_new();
  r.queries = mlx_array_new();
  r.scores = mlx_array_new();
  r.passages = mlx_array_new();
  sem_init(&r.window, 0, (unsigned)o->window);
  corpus_rewind(c);
  bool ok = prepare(&r);
  double begin = now_s();
  ok = ok && (overlapped ? run_overlapped(&r, out) : run_in_turn(&r, out)) && collect(hits, &r);
  out->total_s = now_s() - begin;
  out->passages = c->passage_count;
  progress_end(o);
  release(&r);
  return ok;
}
