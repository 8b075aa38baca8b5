/* src/cpu/kernels/small_tmpl.c - see small.h. */
#include "cpu/kernels/small.h"

#include <math.h>

#include "cpu/kernels/elem.h"

enum { LANES = HR_SMALL_LANES };

typedef float lanes[LANES]; /* one element of all matrices */

#define EACH HR_VECTOR_LOOP for (int k = 0; k < LANES; k++)

HR_INLINE float minus_product(float c, float a, float b) { return hr_fmaf(-a, b, c); }

/* Elements [0, width) of row i, to places `to`; lanes without a matrix repeat the first one. */
static void load_row(lanes *to, const hr_small_group *g, int i, int width, int64_t row, int64_t col) {
  for (int k = 0; k < LANES; k++) {
    const char *from = g->in[k < g->count ? k : 0] + i * row;
    for (int j = 0; j < width; j++) memcpy(&to[j][k], from + j * col, sizeof(float));
  }
}

/* Column by column, each from those before it. A pivot that is not positive makes NaN of what follows. */
static void factor(lanes *a, int *info, int n) {
  for (int j = 0; j < n; j++) {
    lanes inverse;
    lanes *row = a + j * n;
    for (int p = 0; p < j; p++) EACH row[j][k] = minus_product(row[j][k], row[p][k], row[p][k]);
    for (int k = 0; k < LANES; k++) info[k] = info[k] ? info[k] : row[j][k] > 0 ? 0 : j + 1;
    EACH row[j][k] = sqrtf(row[j][k]);
    EACH inverse[k] = 1 / row[j][k];
    for (int i = j + 1; i < n; i++) {
      lanes *below = a + i * n;
      for (int p = 0; p < j; p++) EACH below[j][k] = minus_product(below[j][k], below[p][k], row[p][k]);
      EACH below[j][k] *= inverse[k];
    }
  }
}

static void cholesky(hr_small_group *g, bool upper, void *scratch) {
  lanes *a = scratch;
  int n = g->n;
  for (int k = 0; k < LANES; k++) g->info[k] = 0;
  for (int i = 0; i < n; i++) load_row(a + i * n, g, i, i + 1, upper ? g->col : g->row, upper ? g->row : g->col);
  factor(a, g->info, n);
  for (int k = 0; k < g->count; k++) {
    float *out = g->out[k];
    for (int i = 0; i < n; i++)
      for (int j = 0; j < n; j++) out[i * n + j] = upper ? j >= i ? a[j * n + i][k] : 0 : j <= i ? a[i * n + j][k] : 0;
  }
}

/* Which row each lane takes for row p: the first with the greatest element of column p. */
static void find_pivots(int *best, const lanes *a, int p, int n) {
  lanes size;
  EACH size[k] = fabsf(a[p * 2 * n + p][k]);
  EACH best[k] = p;
  for (int i = p + 1; i < n; i++) EACH {
      float other = fabsf(a[i * 2 * n + p][k]);
      best[k] = other > size[k] ? i : best[k];
      size[k] = other > size[k] ? other : size[k];
    }
}

static void swap_rows(lanes *a, const int *best, int p, int n) {
  for (int i = p + 1; i < n; i++) {
    lanes *x = a + p * 2 * n, *y = a + i * 2 * n;
    for (int c = p; c < 2 * n; c++) EACH {
        float u = x[c][k], v = y[c][k];
        x[c][k] = best[k] == i ? v : u;
        y[c][k] = best[k] == i ? u : v;
      }
  }
}

/* Gauss and Jordan's elimination of the left half, with partial pivoting; rows of 2 n. */
static void eliminate(lanes *a, int *info, int n) {
  for (int p = 0; p < n; p++) {
    lanes *row = a + p * 2 * n, inverse, factor;
    int best[LANES];
    find_pivots(best, a, p, n);
    swap_rows(a, best, p, n);
    for (int k = 0; k < LANES; k++) info[k] = info[k] ? info[k] : row[p][k] == 0 ? p + 1 : 0;
    EACH inverse[k] = 1 / row[p][k];
    for (int i = 0; i < n; i++) {
      lanes *other = a + i * 2 * n;
      if (i == p) continue;
      EACH factor[k] = other[p][k] * inverse[k];
      for (int c = p + 1; c < 2 * n; c++) EACH other[c][k] = minus_product(other[c][k], factor[k], row[c][k]);
    }
    for (int c = p + 1; c < 2 * n; c++) EACH row[c][k] *= inverse[k];
  }
}

static void invert(hr_small_group *g, void *scratch) {
  lanes *a = scratch;
  int n = g->n;
  for (int k = 0; k < LANES; k++) g->info[k] = 0;
  for (int i = 0; i < n; i++) {
    load_row(a + i * 2 * n, g, i, n, g->row, g->col);
    for (int j = 0; j < n; j++) EACH a[i * 2 * n + n + j][k] = i == j;
  }
  eliminate(a, g->info, n);
  for (int k = 0; k < g->count; k++) {
    float *out = g->out[k];
    for (int i = 0; i < n; i++)
      for (int j = 0; j < n; j++) out[i * n + j] = a[i * 2 * n + n + j][k];
  }
}

const hr_small_kernels HR_NAME(hr_small) = {.cholesky = cholesky, .invert = invert};
