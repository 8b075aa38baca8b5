/* src/cpu/loops.c - see loops.h. */
#include "cpu/loops.h"

#include "sched/parallel.h"

void hr_loop_init(hr_loop *loop, const int *shape, int ndim) {
  loop->ndim = ndim;
  loop->operands = 0;
  loop->size = 1;
  for (int i = 0; i < ndim; i++) {
    loop->shape[i] = shape[i];
    loop->size *= shape[i];
  }
}

void hr_loop_add(hr_loop *loop, const hr_array *a) {
  const int *shape = hr_array_shape(a);
  const int64_t *strides = hr_array_strides(a);
  int64_t item = (int64_t)hr_array_itemsize(a);
  int k = loop->operands++, lead = loop->ndim - a->ndim;
  for (int i = 0; i < loop->ndim; i++)
    loop->strides[k][i] = i < lead || shape[i - lead] == 1 ? 0 : strides[i - lead] * item;
  loop->data[k] = hr_array_data(a);
}

void hr_loop_add_strided(hr_loop *loop, const void *data, const int64_t *strides, int64_t item_bytes) {
  int k = loop->operands++;
  for (int i = 0; i < loop->ndim; i++) loop->strides[k][i] = strides[i] * item_bytes;
  loop->data[k] = (char *)data;
}

static void move_axis(hr_loop *loop, int to, int from) {
  loop->shape[to] = loop->shape[from];
  for (int k = 0; k < loop->operands; k++) loop->strides[k][to] = loop->strides[k][from];
}

static void swap_axes(hr_loop *loop, int i, int j) {
  int64_t length = loop->shape[i];
  loop->shape[i] = loop->shape[j];
  loop->shape[j] = length;
  for (int k = 0; k < loop->operands; k++) {
    int64_t stride = loop->strides[k][i];
    loop->strides[k][i] = loop->strides[k][j];
    loop->strides[k][j] = stride;
  }
}

/* Axes of length 1 go last: their strides say nothing. Insertion keeps the order of equal ones. */
void hr_loop_sort(hr_loop *loop, int k) {
  for (int i = 1; i < loop->ndim; i++)
    for (int j = i; j > 0 && loop->shape[j] != 1; j--) {
      if (loop->shape[j - 1] != 1 && loop->strides[k][j - 1] >= loop->strides[k][j]) break;
      swap_axes(loop, j - 1, j);
    }
}

/* Axis `outer` steps exactly over axis `inner`, for every operand. */
static bool can_join(const hr_loop *loop, int outer, int inner) {
  for (int k = 0; k < loop->operands; k++)
    if (loop->strides[k][outer] != loop->strides[k][inner] * loop->shape[inner]) return false;
  return true;
}

void hr_loop_collapse(hr_loop *loop) {
  int kept = 0; /* axes [0, kept) are final, apart from the last one, which may still grow */
  for (int i = 0; i < loop->ndim; i++) {
    if (loop->shape[i] == 1) continue;
    if (kept && can_join(loop, kept - 1, i)) {
      int64_t joined = loop->shape[kept - 1] * loop->shape[i];
      move_axis(loop, kept - 1, i);
      loop->shape[kept - 1] = joined;
    } else {
      move_axis(loop, kept++, i);
    }
  }
  if (!kept) {
    loop->shape[0] = 1; /* size is 1: nothing but axes of length 1 was left out */
    for (int k = 0; k < loop->operands; k++) loop->strides[k][0] = 0;
    kept = 1;
  }
  loop->ndim = kept;
}

bool hr_loop_is_flat(const hr_loop *loop, int k, int64_t item_bytes) {
  int64_t expected = item_bytes;
  for (int i = loop->ndim - 1; i >= 0; i--) {
    if (loop->shape[i] != 1 && loop->strides[k][i] != expected) return false;
    expected *= loop->shape[i];
  }
  return true;
}

bool hr_loop_is_scalar(const hr_loop *loop, int k) {
  for (int i = 0; i < loop->ndim; i++)
    if (loop->strides[k][i]) return false;
  return true;
}

char *hr_loop_at(const hr_loop *loop, int k, int64_t position) {
  char *data = loop->data[k];
  for (int i = loop->ndim - 1; i >= 0; i--) {
    data += position % loop->shape[i] * loop->strides[k][i];
    position /= loop->shape[i];
  }
  return data;
}

typedef struct cursor {
  int64_t index[HR_MAX_NDIM];  /* the outer axes */
  char *row[HR_LOOP_OPERANDS]; /* operands at the start of the inner axis */
} cursor;

static void cursor_set(cursor *at, const hr_loop *loop, int64_t row) {
  for (int k = 0; k < loop->operands; k++) at->row[k] = loop->data[k];
  for (int i = loop->ndim - 2; i >= 0; i--) {
    at->index[i] = row % loop->shape[i];
    row /= loop->shape[i];
    for (int k = 0; k < loop->operands; k++) at->row[k] += at->index[i] * loop->strides[k][i];
  }
}

static void cursor_next(cursor *at, const hr_loop *loop) {
  for (int i = loop->ndim - 2; i >= 0; i--) {
    for (int k = 0; k < loop->operands; k++) at->row[k] += loop->strides[k][i];
    if (++at->index[i] < loop->shape[i]) return;
    at->index[i] = 0;
    for (int k = 0; k < loop->operands; k++) at->row[k] -= loop->shape[i] * loop->strides[k][i];
  }
}

void hr_loop_range(const hr_loop *loop, int64_t first, int64_t end, hr_loop_fn fn, void *ctx) {
  if (first >= end) return;
  int64_t length = loop->shape[loop->ndim - 1], start = first % length;
  int64_t inner[HR_LOOP_OPERANDS];
  char *data[HR_LOOP_OPERANDS];
  cursor at;
  cursor_set(&at, loop, first / length);
  for (int k = 0; k < loop->operands; k++) inner[k] = loop->strides[k][loop->ndim - 1];
  for (int64_t left = end - first; left > 0; start = 0) {
    int64_t count = length - start < left ? length - start : left;
    for (int k = 0; k < loop->operands; k++) data[k] = at.row[k] + start * inner[k];
    fn(ctx, data, inner, count);
    left -= count;
    if (left) cursor_next(&at, loop);
  }
}

typedef struct run_context {
  const hr_loop *loop;
  hr_loop_fn fn;
  void *ctx;
} run_context;

static void run_range(void *ctx, int64_t first, int64_t end) {
  const run_context *run = ctx;
  hr_loop_range(run->loop, first, end, run->fn, run->ctx);
}

void hr_loop_run(const hr_loop *loop, int64_t grain, hr_loop_fn fn, void *ctx) {
  run_context run = {loop, fn, ctx};
  if (loop->size <= grain) {
    hr_loop_range(loop, 0, loop->size, fn, ctx);
  } else {
    hr_parallel_range(loop->size, grain, run_range, &run);
  }
}

void hr_loop_run_light(const hr_loop *loop, int64_t grain, hr_loop_fn fn, void *ctx) {
  run_context run = {loop, fn, ctx};
  hr_parallel_range_light(loop->size, grain, run_range, &run);
}
