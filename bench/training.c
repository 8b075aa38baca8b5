/* bench/training.c - peak memory of a step of training: a transformer block forward, its gradients written by hand, an
 * update of the weights; beside what has to be live at once when operations run in the order in which they were made.
 *
 * A tape notes for each operation the memory that it reads and makes. Memory is live from the operation that makes it
 * to the last one that reads it; an elementwise operation may put its result where an operand was read for the last
 * time; a transpose makes none. Inputs and weights are live throughout. */
#include "bench.h"

enum { TOKENS = 1024, WIDTH = 512, INNER = 2048, OPS = 128, WEIGHTS = 6, KEPT = WEIGHTS + 1 };

typedef struct value {
  mlx_array array;
  int memory; /* index into tape.bytes */
} value;

typedef struct tape {
  size_t bytes[OPS];
  int memory_count;             /* the first KEPT are the input and weights */
  int reads[OPS][2], made[OPS]; /* memory by operation; -1: none */
  bool in_place[OPS];
  int op_count;
  mlx_array handles[OPS]; /* freed before the evaluation, so that only the graph holds on to them */
  int handle_count;
  mlx_stream stream;
} tape;

static value add_memory(tape *t, mlx_array array) {
  t->bytes[t->memory_count] = mlx_array_nbytes(array);
  t->handles[t->handle_count++] = array;
  return (value){array, t->memory_count++};
}

static value record(tape *t, mlx_array array, value a, const value *b, bool in_place) {
  value made = add_memory(t, array);
  t->reads[t->op_count][0] = a.memory;
  t->reads[t->op_count][1] = b ? b->memory : -1;
  t->in_place[t->op_count] = in_place;
  t->made[t->op_count++] = made.memory;
  return made;
}

typedef int (*binary_fn)(mlx_array *res, mlx_array a, mlx_array b, mlx_stream s);

static value binary(tape *t, binary_fn fn, value a, value b, bool in_place) {
  mlx_array res = mlx_array_new();
  BENCH_OK(fn(&res, a.array, b.array, t->stream));
  return record(t, res, a, &b, in_place);
}
static value product(tape *t, value a, value b) { return binary(t, mlx_matmul, a, b, false); }
static value add(tape *t, value a, value b) { return binary(t, mlx_add, a, b, true); }
static value subtract(tape *t, value a, value b) { return binary(t, mlx_subtract, a, b, true); }
static value multiply(tape *t, value a, value b) { return binary(t, mlx_multiply, a, b, true); }

static value scale(tape *t, value a, float by) {
  mlx_array res = mlx_array_new(), factor = mlx_array_new_float32(by);
  BENCH_OK(mlx_multiply(&res, a.array, factor, t->stream));
  mlx_array_free(factor);
  return record(t, res, a, NULL, true);
}

static value positive(tape *t, value a) {
  mlx_array res = mlx_array_new(), zero = mlx_array_new_float32(0);
  BENCH_OK(mlx_maximum(&res, a.array, zero, t->stream));
  mlx_array_free(zero);
  return record(t, res, a, NULL, true);
}
static value sign(tape *t, value a) {
  mlx_array res = mlx_array_new();
  BENCH_OK(mlx_sign(&res, a.array, t->stream));
  return record(t, res, a, NULL, true);
}

static value turned(tape *t, value a) {
  mlx_array res = mlx_array_new();
  BENCH_OK(mlx_transpose(&res, a.array, t->stream));
  t->handles[t->handle_count++] = res;
  return (value){res, a.memory};
}

static value softmax(tape *t, value a) {
  mlx_array res = mlx_array_new();
  BENCH_OK(mlx_softmax_axis(&res, a.array, -1, false, t->stream));
  return record(t, res, a, NULL, true);
}
static value row_sums(tape *t, value a) {
  mlx_array res = mlx_array_new();
  BENCH_OK(mlx_sum_axis(&res, a.array, -1, true, t->stream));
  return record(t, res, a, NULL, false);
}

/* --- the step --- */

/* Evaluated values in [-0.05, 0.05). */
static value parameter(tape *t, int rows, int columns) {
  mlx_array a = mlx_array_new(), low = mlx_array_new_float32(-0.05f), high = mlx_array_new_float32(0.05f);
  BENCH_OK(mlx_random_uniform(&a, low, high, (int[]){rows, columns}, 2, MLX_FLOAT32, (mlx_array){NULL}, t->stream));
  BENCH_OK(mlx_array_eval(a));
  mlx_array_free(low);
  mlx_array_free(high);
  return add_memory(t, a);
}

enum { QUERY, KEY, VALUE, OUT, UP, DOWN }; /* weights */

/* y = x + softmax(q k' / sqrt d) v Wo; z = y + max(y W1, 0) W2; the loss is the mean of z^2 / 2. Gradients of the
 * weights into g. */
static void gradients(tape *t, value x, const value *w, value *g) {
  const float root = 0.0442f; /* WIDTH^(-1/2) */
  value q = product(t, x, w[QUERY]), k = product(t, x, w[KEY]), v = product(t, x, w[VALUE]);
  value p = softmax(t, scale(t, product(t, q, turned(t, k)), root));
  value o = product(t, p, v);
  value y = add(t, x, product(t, o, w[OUT]));
  value f = positive(t, product(t, y, w[UP]));
  value z = add(t, y, product(t, f, w[DOWN]));
  value dz = scale(t, z, 1.0f / (TOKENS * WIDTH));
  g[DOWN] = product(t, turned(t, f), dz);
  value df = multiply(t, product(t, dz, turned(t, w[DOWN])), sign(t, f));
  g[UP] = product(t, turned(t, y), df);
  value dy = add(t, dz, product(t, df, turned(t, w[UP])));
  g[OUT] = product(t, turned(t, o), dy);
  value d_o = product(t, dy, turned(t, w[OUT]));
  value dp = product(t, d_o, turned(t, v)), dv = product(t, turned(t, p), d_o);
  value ds = scale(t, multiply(t, p, subtract(t, dp, row_sums(t, multiply(t, dp, p)))), root);
  g[QUERY] = product(t, turned(t, x), product(t, ds, k));
  g[KEY] = product(t, turned(t, x), product(t, turned(t, ds), q));
  g[VALUE] = product(t, turned(t, x), dv);
}

/* The most bytes that are live at once. */
static size_t live_bytes(const tape *t) {
  int last[OPS];
  size_t live = 0, most;
  for (int m = 0; m < t->memory_count; m++) last[m] = OPS; /* results are never read, and stay */
  for (int i = 0; i < t->op_count; i++)
    for (int k = 0; k < 2; k++)
      if (t->reads[i][k] >= KEPT) last[t->reads[i][k]] = i;
  for (int m = 0; m < KEPT; m++) live += t->bytes[m];
  most = live;
  for (int i = 0; i < t->op_count; i++) {
    size_t freed = 0;
    bool reused = false;
    for (int k = 0; k < 2; k++) {
      int m = t->reads[i][k];
      if (m < 0 || last[m] != i || (k == 1 && m == t->reads[i][0])) continue;
      freed += t->bytes[m];
      reused |= t->in_place[i] && t->bytes[m] == t->bytes[t->made[i]];
    }
    live += t->bytes[t->made[i]];
    size_t at_once = live - (reused ? t->bytes[t->made[i]] : 0);
    if (at_once > most) most = at_once;
    live -= freed;
  }
  return most;
}

static void run_training(const void *arg, bench_sample *out) {
  static tape t;
  value w[WEIGHTS], g[WEIGHTS];
  mlx_vector_array updated = mlx_vector_array_new();
  size_t peak = 0;
  const bool *first_to_last = arg; /* or from the last weight on, nearly the order of the gradients */
  t = (tape){.stream = bench_stream(0)};
  value x = parameter(&t, TOKENS, WIDTH);
  for (int i = 0; i < WEIGHTS; i++) w[i] = parameter(&t, i == DOWN ? INNER : WIDTH, i == UP ? INNER : WIDTH);
  gradients(&t, x, w, g);
  for (int n = 0; n < WEIGHTS; n++) {
    int i = *first_to_last ? n : WEIGHTS - 1 - n;
    BENCH_OK(mlx_vector_array_append_value(updated, subtract(&t, w[i], scale(&t, g[i], 0.1f)).array));
  }
  for (int i = KEPT; i < t.handle_count; i++) mlx_array_free(t.handles[i]);
  BENCH_OK(mlx_reset_peak_memory());
  BENCH_OK(mlx_eval(updated));
  BENCH_OK(mlx_get_peak_memory(&peak));
  out[0].value = (double)peak / (1 << 20);
  out[0].limit = (double)live_bytes(&t) / (1 << 20);
  mlx_vector_array_free(updated);
  for (int i = 0; i < KEPT; i++) mlx_array_free(t.handles[i]);
}

static const bench_case cases[] = {
    {.rows = {{"memory/step of training, limit live at once", "MiB", BENCH_LESS, BENCH_OF_RATIO, 1.1}},
     .run = run_training,
     .arg = &(const bool){false},
     .alone = true},
    {.rows = {{"memory/step of training, first weights first", "MiB", BENCH_LESS, BENCH_NO_GOAL, 0}},
     .run = run_training,
     .arg = &(const bool){true},
     .alone = true},
};

const bench_group bench_train = {cases, sizeof cases / sizeof cases[0]};
