/* bench/linalg.c - factorisations, beside OpenBLAS called directly on the same matrices: one call on two threads of its
 * own for a single matrix, calls from two pinned threads for many. float32. */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "limits.h"

typedef int (*apply_fn)(mlx_array *res, mlx_array a, mlx_stream stream);

static int apply_cholesky(mlx_array *res, mlx_array a, mlx_stream s) { return mlx_linalg_cholesky(res, a, false, s); }
static int apply_inv(mlx_array *res, mlx_array a, mlx_stream s) { return mlx_linalg_inv(res, a, s); }
static int apply_eigh(mlx_array *res, mlx_array a, mlx_stream s) {
  mlx_array values = mlx_array_new();
  int code = mlx_linalg_eigh(&values, res, a, "L", s);
  mlx_array_free(values);
  return code;
}
static int apply_svd(mlx_array *res, mlx_array a, mlx_stream s) {
  mlx_vector_array parts = mlx_vector_array_new();
  int code = mlx_linalg_svd(&parts, a, true, s);
  if (code == 0) code = mlx_vector_array_get(res, parts, 0);
  mlx_vector_array_free(parts);
  return code;
}

/* --- OpenBLAS, by the Fortran interface --- */

typedef void (*potrf_fn)(const char *, const int *, float *, const int *, int *, size_t);
typedef void (*getrf_fn)(const int *, const int *, float *, const int *, int *, int *);
typedef void (*getri_fn)(const int *, float *, const int *, const int *, float *, const int *, int *);
typedef void (*syevd_fn)(const char *, const char *, const int *, float *, const int *, float *, float *, const int *,
                         int *, const int *, int *, size_t, size_t);
typedef void (*gesdd_fn)(const char *, const int *, const int *, float *, const int *, float *, float *, const int *,
                         float *, const int *, float *, const int *, int *, int *, size_t);

static struct {
  potrf_fn potrf;
  getrf_fn getrf;
  getri_fn getri;
  syevd_fn syevd;
  gesdd_fn gesdd;
  void (*threads)(int);
} openblas;

static bool find(void *library, void *out, const char *name) {
  void *found = dlsym(library, name);
  memcpy(out, &found, sizeof found);
  return found != NULL;
}

static bool openblas_load(void) {
  static int loaded = -1;
  if (loaded >= 0) return loaded;
  void *library = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL);
  loaded = library != NULL && find(library, &openblas.potrf, "spotrf_") && find(library, &openblas.getrf, "sgetrf_") &&
           find(library, &openblas.getri, "sgetri_") && find(library, &openblas.syevd, "ssyevd_") &&
           find(library, &openblas.gesdd, "sgesdd_") && find(library, &openblas.threads, "openblas_set_num_threads");
  return loaded;
}

/* One matrix of n x n in `a`, with `memory` for everything else. */
typedef void (*direct_fn)(float *a, int n, float *memory);

enum { MEMORY_FACTOR = 12 }; /* memory: as many times n x n + 64 n */

static void direct_cholesky(float *a, int n, float *memory) {
  int info;
  (void)memory;
  openblas.potrf("U", &n, a, &n, &info, 1);
}
static void direct_inv(float *a, int n, float *memory) {
  int info, lwork = 64 * n, *pivots = (int *)memory;
  openblas.getrf(&n, &n, a, &n, pivots, &info);
  openblas.getri(&n, a, &n, pivots, memory + n, &lwork, &info);
}
static void direct_eigh(float *a, int n, float *memory) {
  int info, lwork = 1 + 6 * n + 2 * n * n + 64 * n, liwork = 3 + 5 * n, *iwork = (int *)memory;
  openblas.syevd("V", "U", &n, a, &n, memory + liwork, memory + liwork + n, &lwork, iwork, &liwork, &info, 1, 1);
}
static void direct_svd(float *a, int n, float *memory) {
  int info, lwork = 4 * n * n + 100 * n, *iwork = (int *)memory;
  float *s = memory + 8 * n, *u = s + n, *vt = u + (int64_t)n * n, *work = vt + (int64_t)n * n;
  openblas.gesdd("A", &n, &n, a, &n, s, u, &n, vt, &n, work, &lwork, iwork, &info, 1);
}

/* --- cases --- */

typedef struct factoring {
  apply_fn fn;
  direct_fn direct;
  int count, n;
  int rounds;
} factoring;

/* The limit's, set before its threads start. */
static const factoring *running;

static void direct_range(const bench_loop *loop, int64_t first, int64_t end) {
  int n = running->n;
  int64_t each = (int64_t)n * n;
  float *memory = malloc(MEMORY_FACTOR * (size_t)(each + 64 * n) * sizeof *memory);
  bench_check(memory == NULL, "malloc");
  memcpy(loop->out + first, loop->a + first, (size_t)(end - first) * sizeof(float));
  for (int64_t at = first; at < end; at += each) running->direct(loop->out + at, n, memory);
  free(memory);
}

/* OpenBLAS's threads spin for a while after a call: they end that before anything else is measured. */
static double direct_seconds(float *from, float *to, const factoring *f) {
  bench_loop loop = {.a = from, .out = to, .count = (int64_t)f->count * f->n * f->n};
  if (!openblas_load()) return 0;
  running = f;
  openblas.threads(f->count > 1 ? 1 : 2);
  if (f->count > 1) return bench_loop_seconds(direct_range, &loop, f->rounds);
  int64_t start = 0;
  for (int i = -1; i < f->rounds; i++) {
    if (i == 0) start = bench_now_ns();
    direct_range(&loop, 0, loop.count);
  }
  double seconds = bench_since_ns(start) * 1e-9 / f->rounds;
  openblas.threads(1);
  bench_spin_ns(60000000);
  return seconds;
}

/* Symmetric and positive definite, for all of them. */
static void fill(float *a, int count, int n) {
  uint32_t state = 1;
  for (int i = 0; i < count; i++, a += (int64_t)n * n)
    for (int64_t r = 0; r < n; r++)
      for (int64_t c = 0; c <= r; c++) {
        state = state * 1664525u + 1013904223u;
        a[c * n + r] = a[r * n + c] = (float)(state >> 8) * 0x1p-23f - 1 + (r == c ? (float)n : 0);
      }
}

/* Thousands of matrices a second. */
static void run_factoring(const void *arg, bench_sample *out) {
  enum { LARGEST = 1 << 20 };
  static float *from, *to;
  const factoring *f = arg;
  if (from == NULL) from = bench_memory_new(LARGEST * sizeof *from), to = bench_memory_new(LARGEST * sizeof *to);
  fill(from, f->count, f->n);
  mlx_array a = bench_array_new(from, (int[]){f->count, f->n, f->n}, 3), res = mlx_array_new();
  int64_t start = 0;
  for (int i = -1; i < f->rounds; i++) {
    if (i == 0) start = bench_now_ns();
    BENCH_OK(f->fn(&res, a, bench_stream(0)));
    BENCH_OK(mlx_array_eval(res));
  }
  out[0].value = f->count * 1e-3 / (bench_since_ns(start) * 1e-9 / f->rounds);
  double seconds = direct_seconds(from, to, f);
  out[0].limit = seconds > 0 ? f->count * 1e-3 / seconds : 0;
  mlx_array_free(res);
  mlx_array_free(a);
}

#define ROW(name) .rows = {{name, "1,000/s", BENCH_MORE, BENCH_NO_GOAL, 0}}, .run = run_factoring

static const bench_case cases[] = {
    {ROW("linalg/cholesky of 1024 8x8"), .arg = &(const factoring){apply_cholesky, direct_cholesky, 1024, 8, 60}},
    {ROW("linalg/inv of 1024 8x8"), .arg = &(const factoring){apply_inv, direct_inv, 1024, 8, 30}},
    {ROW("linalg/svd of 1024 8x8"), .arg = &(const factoring){apply_svd, direct_svd, 1024, 8, 8}},
    {ROW("linalg/eigh of 1024 32x32"), .arg = &(const factoring){apply_eigh, direct_eigh, 1024, 32, 2}},
    {ROW("linalg/cholesky of one 1024x1024"), .arg = &(const factoring){apply_cholesky, direct_cholesky, 1, 1024, 5}},
    {ROW("linalg/inv of one 1024x1024"), .arg = &(const factoring){apply_inv, direct_inv, 1, 1024, 3}},
    {ROW("linalg/svd of one 512x512"), .arg = &(const factoring){apply_svd, direct_svd, 1, 512, 2}},
};

const bench_group bench_linalg = {cases, sizeof cases / sizeof cases[0]};
