/* src/cpu/factor_large.c - see factor_large.h. */
#include "cpu/factor_large.h"

#include <string.h>

#include "sched/parallel.h"

enum { TILE = 128 };

/* What a tile's function knows. Element (r, c) of a is at a + (r + c * rows) * item. */
typedef struct step {
  const hr_matrix_job *job;
  char *a, *b;       /* b: right-hand sides or the inverse */
  const char *upper; /* Cholesky: the triangle is the upper one, else NULL */
  const int *pivots;
  int rows, cols;   /* of a */
  int first, width; /* the panel */
  int before;       /* LU: tiles left of the panel, which only have their rows swapped */
  int right;        /* columns of b */
} step;

static const float one_single = 1, minus_one_single = -1;
static const double one_wide = 1, minus_one_wide = -1;

static const void *one(const hr_matrix_job *job) {
  return job->dtype == HR_FLOAT64 ? (const void *)&one_wide : &one_single;
}
static const void *minus_one(const hr_matrix_job *job) {
  return job->dtype == HR_FLOAT64 ? (const void *)&minus_one_wide : &minus_one_single;
}

static char *at(const step *s, int row, int col) { return s->a + (row + (int64_t)col * s->rows) * s->job->item; }

static int tiles_of(int length) { return (length + TILE - 1) / TILE; }
static int least(int a, int b) { return a < b ? a : b; }

bool hr_factor_is_large(const hr_matrix_job *job) {
  return job->k >= HR_FACTOR_LARGE && hr_matrix_count(job->run->in[0]) == 1;
}

/* --- copies --- */

typedef struct copying {
  hr_matrix out, in;
  int cols;
  int64_t item;
} copying;

static void copy_rows(void *ctx, int64_t first, int64_t end) {
  const copying *c = ctx;
  hr_matrix_copy(hr_matrix_corner(c->out, (int)first, 0), hr_matrix_corner(c->in, (int)first, 0), (int)(end - first),
                 c->cols, c->item);
}

void hr_factor_copy(hr_matrix out, hr_matrix in, int rows, int cols, int64_t item) {
  copying c = {out, in, cols, item};
  hr_parallel_range(rows, 64, copy_rows, &c);
}

/* --- Cholesky. Upper: A = U^T U, the tiles are columns right of the panel's block; lower: rows below it. --- */

/* U12 = U11^-T A12, or L21 = A21 L11^-T. */
static void cholesky_solve(void *ctx, int64_t tile) {
  const step *s = ctx;
  const hr_lapack_real *real = s->job->real;
  int entered = hr_lapack_enter(s->job->lapack), from = s->first + s->width + (int)tile * TILE;
  int count = least(TILE, s->cols - from);
  char *corner = at(s, s->first, s->first);
  if (s->upper)
    real->trsm("L", "U", "T", "N", &s->width, &count, one(s->job), corner, &s->rows, at(s, s->first, from), &s->rows, 1,
               1, 1, 1);
  else
    real->trsm("R", "L", "T", "N", &count, &s->width, one(s->job), corner, &s->rows, at(s, from, s->first), &s->rows, 1,
               1, 1, 1);
  hr_lapack_leave(s->job->lapack, entered);
}

/* Takes U12^T U12, or L21 L21^T, off the tile's part of the triangle, and off a corner beyond it, which nobody reads.
 * The longest tiles come first. */
static void cholesky_update(void *ctx, int64_t tile) {
  const step *s = ctx;
  const hr_lapack_real *real = s->job->real;
  int entered = hr_lapack_enter(s->job->lapack), behind = s->first + s->width;
  int from = behind + (tiles_of(s->cols - behind) - 1 - (int)tile) * TILE, count = least(TILE, s->cols - from);
  int length = from + count - behind;
  if (s->upper)
    real->gemm("T", "N", &length, &count, &s->width, minus_one(s->job), at(s, s->first, behind), &s->rows,
               at(s, s->first, from), &s->rows, one(s->job), at(s, behind, from), &s->rows, 1, 1);
  else
    real->gemm("N", "T", &count, &length, &s->width, minus_one(s->job), at(s, from, s->first), &s->rows,
               at(s, behind, s->first), &s->rows, one(s->job), at(s, from, behind), &s->rows, 1, 1);
  hr_lapack_leave(s->job->lapack, entered);
}

int hr_factor_cholesky(const hr_matrix_job *job, const char *triangle, void *a) {
  step s = {.job = job, .a = a, .rows = job->n, .cols = job->n, .upper = *triangle == 'U' ? triangle : NULL};
  for (; s.first < s.cols; s.first += HR_FACTOR_PANEL) {
    int info = 0;
    s.width = least(HR_FACTOR_PANEL, s.cols - s.first);
    job->real->potrf(triangle, &s.width, at(&s, s.first, s.first), &s.rows, &info, 1);
    if (info > 0) return s.first + info;
    int tiles = tiles_of(s.cols - s.first - s.width);
    hr_parallel_for(tiles, cholesky_solve, &s);
    hr_parallel_for(tiles, cholesky_update, &s);
  }
  return 0;
}

/* --- LU --- */

/* One tile of columns: the panel's swaps, and right of it U12 = L11^-1 A12 and A22 -= L21 U12. */
static void lu_update(void *ctx, int64_t tile) {
  const step *s = ctx;
  const hr_lapack_real *real = s->job->real;
  const int from_row = 1, step_one = 1;
  bool left = tile < s->before;
  int from = left ? (int)tile * TILE : s->first + s->width + ((int)tile - s->before) * TILE;
  int count = least(TILE, (left ? s->first : s->cols) - from), below = s->rows - s->first - s->width;
  int entered = hr_lapack_enter(s->job->lapack);
  char *top = at(s, s->first, from);
  real->laswp(&count, top, &s->rows, &from_row, &s->width, s->pivots, &step_one);
  if (!left) {
    real->trsm("L", "L", "N", "U", &s->width, &count, one(s->job), at(s, s->first, s->first), &s->rows, top, &s->rows,
               1, 1, 1, 1);
    if (below > 0)
      real->gemm("N", "N", &below, &count, &s->width, minus_one(s->job), at(s, s->first + s->width, s->first), &s->rows,
                 top, &s->rows, one(s->job), at(s, s->first + s->width, from), &s->rows, 1, 1);
  }
  hr_lapack_leave(s->job->lapack, entered);
}

int hr_factor_lu(const hr_matrix_job *job, void *a, int *pivots) {
  step s = {.job = job, .a = a, .rows = job->m, .cols = job->n};
  int zero_pivot = 0;
  for (; s.first < job->k; s.first += HR_FACTOR_PANEL) {
    int info = 0, height = s.rows - s.first;
    s.width = least(HR_FACTOR_PANEL, job->k - s.first);
    s.pivots = pivots + s.first;
    job->real->getrf(&height, &s.width, at(&s, s.first, s.first), &s.rows, pivots + s.first, &info);
    if (info > 0 && zero_pivot == 0) zero_pivot = s.first + info;
    s.before = tiles_of(s.first);
    hr_parallel_for(s.before + tiles_of(s.cols - s.first - s.width), lu_update, &s);
    for (int i = 0; i < s.width; i++) pivots[s.first + i] += s.first;
  }
  return zero_pivot;
}

/* --- with the factors --- */

static void solve_tile(void *ctx, int64_t tile) {
  const step *s = ctx;
  int entered = hr_lapack_enter(s->job->lapack), from = (int)tile * TILE, count = least(TILE, s->right - from), info;
  s->job->real->getrs("N", &s->rows, &count, s->a, &s->rows, s->pivots, s->b + (int64_t)from * s->rows * s->job->item,
                      &s->rows, &info, 1);
  hr_lapack_leave(s->job->lapack, entered);
}

void hr_factor_solve(const hr_matrix_job *job, const void *lu, const int *pivots, void *b, int count) {
  step s = {.job = job, .a = (char *)(uintptr_t)lu, .b = b, .pivots = pivots, .rows = job->n, .right = count};
  hr_parallel_for(tiles_of(count), solve_tile, &s);
}

/* Columns of U^-1 L^-1: those of L^-1 are zero above the tile's first row. */
static void invert_tile(void *ctx, int64_t tile) {
  const step *s = ctx;
  const hr_lapack_real *real = s->job->real;
  int64_t item = s->job->item;
  int entered = hr_lapack_enter(s->job->lapack), from = (int)tile * TILE, count = least(TILE, s->rows - from);
  int below = s->rows - from;
  char *x = s->b + (int64_t)from * s->rows * item;
  memset(x, 0, (size_t)((int64_t)count * s->rows * item));
  for (int i = 0; i < count; i++) memcpy(x + (from + i + (int64_t)i * s->rows) * item, one(s->job), (size_t)item);
  real->trsm("L", "L", "N", "U", &below, &count, one(s->job), at(s, from, from), &s->rows, x + from * item, &s->rows, 1,
             1, 1, 1);
  real->trsm("L", "U", "N", "N", &s->rows, &count, one(s->job), s->a, &s->rows, x, &s->rows, 1, 1, 1, 1);
  hr_lapack_leave(s->job->lapack, entered);
}

static void swap_columns(char *a, char *b, int64_t bytes) {
  char block[1024];
  for (int64_t done = 0; done < bytes; done += (int64_t)sizeof block) {
    size_t size = bytes - done < (int64_t)sizeof block ? (size_t)(bytes - done) : sizeof block;
    memcpy(block, a + done, size);
    memcpy(a + done, b + done, size);
    memcpy(b + done, block, size);
  }
}

/* A = P L U: the inverse is U^-1 L^-1 P^T, its columns swapped back from the last pivot to the first. */
void hr_factor_invert(const hr_matrix_job *job, const void *lu, const int *pivots, void *x) {
  step s = {.job = job, .a = (char *)(uintptr_t)lu, .b = x, .rows = job->n, .cols = job->n};
  int64_t column = job->item * job->n;
  hr_parallel_for(tiles_of(job->n), invert_tile, &s);
  for (int i = job->n - 1; i >= 0; i--)
    if (pivots[i] != i + 1) swap_columns(s.b + i * column, s.b + (pivots[i] - 1) * column, column);
}
