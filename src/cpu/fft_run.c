/* src/cpu/fft_run.c - see fft_plan.h: how plans run. */
#include <kissfft/kiss_fft.h>
#include <string.h>

#include "array/buffer.h"
#include "cpu/fft_plan.h"
#include "cpu/slots.h"
#include "sched/parallel.h"

/* --- short plans --- */

static void run_odd(const hr_fft_plan *plan, const hr_c64 *in, int64_t stride, hr_c64 *out, hr_c64 *scratch) {
  int64_t m = plan->n / plan->p;
  for (int r = 0; r < plan->p; r++)
    hr_fft_run(plan->sub, in + r * stride, stride * plan->p, scratch + r * m, scratch + plan->n);
  hr_fft_kernels_get()->odd(out, scratch, plan->twiddles, plan->twiddles + plan->n, plan->p, m);
}

/* The convolution's inverse transform is a forward one of the conjugate. */
static void run_chirp(const hr_fft_plan *plan, const hr_c64 *in, int64_t stride, hr_c64 *out, hr_c64 *scratch) {
  const hr_fft_kernels *kernels = hr_fft_kernels_get();
  hr_c64 *values = scratch, *spectrum = scratch + plan->padded, *rest = spectrum + plan->padded;
  if (stride != 1) {
    for (int64_t k = 0; k < plan->n; k++) values[k] = in[k * stride];
    in = values;
  }
  kernels->multiply(values, in, plan->twiddles, plan->n);
  memset(values + plan->n, 0, sizeof *values * (size_t)(plan->padded - plan->n));
  hr_fft_run(plan->sub, values, 1, spectrum, rest);
  kernels->multiply_conj(spectrum, spectrum, plan->filter, plan->padded);
  hr_fft_run(plan->sub, spectrum, 1, values, rest);
  kernels->multiply_conj(out, values, plan->twiddles, plan->n);
}

static void run_kiss(const hr_fft_plan *plan, const hr_c64 *in, int64_t stride, hr_c64 *out, hr_c64 *scratch) {
  if (stride == 1 && plan->along.count)
    hr_fft_kernels_get()->along(out, in, &plan->along, plan->along_twiddles, &scratch->re);
  else
    kiss_fft_stride(plan->kiss, (const kiss_fft_cpx *)in, (kiss_fft_cpx *)out, (int)stride);
}

void hr_fft_run(const hr_fft_plan *plan, const hr_c64 *in, int64_t stride, hr_c64 *out, hr_c64 *scratch) {
  switch (plan->kind) {
    case HR_FFT_COPY: *out = *in; break;
    case HR_FFT_KISS: run_kiss(plan, in, stride, out, scratch); break;
    case HR_FFT_ODD: run_odd(plan, in, stride, out, scratch); break;
    case HR_FFT_CHIRP: run_chirp(plan, in, stride, out, scratch); break;
    case HR_FFT_SQUARE: break; /* long: never here */
  }
}

void hr_fft_run_aside(const hr_fft_plan *plan, const hr_fft_rows *in, const hr_fft_rows *out, int64_t rows,
                      hr_c64 *scratch) {
  hr_fft_rows from = *in, to = *out;
  int64_t item = sizeof(hr_c64);
  for (; plan->along.count && from.value_step == item && to.value_step == item && rows > 0; rows--) {
    run_kiss(plan, (const hr_c64 *)from.data, 1, (hr_c64 *)to.data, scratch);
    from.data += from.row_step;
    to.data += to.row_step;
  }
  for (; rows > 0; rows -= HR_FFT_LANES) {
    int64_t count = rows < HR_FFT_LANES ? rows : HR_FFT_LANES;
    hr_fft_kernels_get()->side_by_side(&to, &from, count, &plan->steps, &scratch->re);
    from.data += HR_FFT_LANES * from.row_step;
    to.data += HR_FFT_LANES * to.row_step;
  }
}

/* --- squares: in[j1 n2 + j2] to out[k1 + n1 k2] --- */

enum {
  BLOCK = 16 /* columns or rows at a time: two lines of the cache */,
  PAD = 8,
  RANGE = 1 << 15,
  ITEM = sizeof(hr_c64)
};

typedef struct square {
  const hr_fft_plan *plan;
  const hr_c64 *in;
  hr_c64 *middle, *out; /* middle[k1 n2 + j2] */
  int64_t n1, n2;
  hr_slots slots; /* two blocks, and the sub-plan's scratch */
} square;

static int64_t block_end(int64_t first, int64_t n) { return first + BLOCK < n ? first + BLOCK : n; }

static void twist(const square *s, hr_c64 *column, int64_t j2) {
  hr_c64 room[HR_FFT_RUN];
  for (int64_t k1 = 0; k1 < s->n1; k1 += HR_FFT_RUN) {
    int64_t count = s->n1 - k1 < HR_FFT_RUN ? s->n1 - k1 : HR_FFT_RUN;
    const hr_c64 *powers = hr_fft_roots_run(&s->plan->powers, k1 * j2, j2, count, room);
    hr_fft_kernels_get()->multiply(column + k1, column + k1, powers, count);
  }
}

/* Columns [first, end) side by side, into their places of `middle`; twiddles follow there, for lines of rows. */
static void columns_aside(square *s, int64_t first, int64_t end) {
  hr_c64 *scratch = hr_slots_take(&s->slots), room[BLOCK];
  hr_fft_rows in = {(char *)(s->in + first), s->n2 * ITEM, ITEM},
              out = {(char *)(s->middle + first), s->n2 * ITEM, ITEM};
  hr_fft_run_aside(s->plan->sub, &in, &out, end - first, scratch);
  for (int64_t k1 = 1; k1 < s->n1; k1++) {
    hr_c64 *line = s->middle + k1 * s->n2 + first;
    const hr_c64 *powers = hr_fft_roots_run(&s->plan->powers, k1 * first, k1, end - first, room);
    hr_fft_kernels_get()->multiply(line, line, powers, end - first);
  }
  hr_slots_give(&s->slots, scratch);
}

static void square_columns(void *ctx, int64_t block) {
  square *s = ctx;
  if (s->plan->sub->steps.count) {
    columns_aside(s, block * BLOCK, block_end(block * BLOCK, s->n2));
    return;
  }
  int64_t first = block * BLOCK, end = block_end(first, s->n2), n1 = s->n1, pitch = n1 + PAD;
  hr_c64 *columns = hr_slots_take(&s->slots), *results = columns + BLOCK * pitch, *scratch = results + BLOCK * pitch;
  for (int64_t j1 = 0; j1 < n1; j1++)
    for (int64_t j2 = first; j2 < end; j2++) columns[(j2 - first) * pitch + j1] = s->in[j1 * s->n2 + j2];
  for (int64_t j2 = first; j2 < end; j2++) {
    hr_c64 *result = results + (j2 - first) * pitch;
    hr_fft_run(s->plan->sub, columns + (j2 - first) * pitch, 1, result, scratch);
    twist(s, result, j2);
  }
  for (int64_t k1 = 0; k1 < n1; k1++)
    for (int64_t j2 = first; j2 < end; j2++) s->middle[k1 * s->n2 + j2] = results[(j2 - first) * pitch + k1];
  hr_slots_give(&s->slots, columns);
}

static void rows_aside(square *s, int64_t first, int64_t end) {
  hr_c64 *scratch = hr_slots_take(&s->slots);
  hr_fft_rows in = {(char *)(s->middle + first * s->n2), ITEM, s->n2 * ITEM};
  hr_fft_rows out = {(char *)(s->out + first), s->n1 * ITEM, ITEM};
  hr_fft_run_aside(s->plan->rows, &in, &out, end - first, scratch);
  hr_slots_give(&s->slots, scratch);
}

static void square_rows(void *ctx, int64_t block) {
  square *s = ctx;
  if (s->plan->rows->steps.count) {
    rows_aside(s, block * BLOCK, block_end(block * BLOCK, s->n1));
    return;
  }
  int64_t first = block * BLOCK, end = block_end(first, s->n1), n2 = s->n2, pitch = n2 + PAD;
  hr_c64 *results = hr_slots_take(&s->slots), *scratch = results + BLOCK * pitch;
  for (int64_t k1 = first; k1 < end; k1++)
    hr_fft_run(s->plan->rows, s->middle + k1 * n2, 1, results + (k1 - first) * pitch, scratch);
  for (int64_t k2 = 0; k2 < n2; k2++)
    for (int64_t k1 = first; k1 < end; k1++) s->out[k1 + s->n1 * k2] = results[(k1 - first) * pitch + k2];
  hr_slots_give(&s->slots, results);
}

static int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

static hr_status run_square(const hr_fft_plan *plan, const hr_c64 *in, hr_c64 *out) {
  hr_status status;
  hr_buffer *middle = NULL;
  square s = {.plan = plan, .in = in, .out = out, .n1 = plan->sub->n, .n2 = plan->rows->n};
  int64_t values =
      larger(2 * BLOCK * (s.n1 + PAD) + hr_fft_scratch(plan->sub), BLOCK * (s.n2 + PAD) + hr_fft_scratch(plan->rows));
  int64_t column_blocks = (s.n2 + BLOCK - 1) / BLOCK, row_blocks = (s.n1 + BLOCK - 1) / BLOCK;
  HR_TRY(hr_slots_init(&s.slots, larger(column_blocks, row_blocks), values * (int64_t)sizeof(hr_c64)));
  HR_TRY(hr_buffer_new(&middle, (size_t)plan->n * sizeof(hr_c64)));
  s.middle = middle->data;
  hr_parallel_for(column_blocks, square_columns, &s);
  hr_parallel_for(row_blocks, square_rows, &s);
done:
  hr_buffer_release(middle);
  hr_slots_deinit(&s.slots);
  return status;
}

/* --- long chirps: run_chirp in ranges --- */

typedef struct chirp {
  const hr_fft_plan *plan;
  const hr_c64 *in;
  hr_c64 *values, *spectrum, *out;
} chirp;

static void chirp_in(void *ctx, int64_t first, int64_t end) {
  const chirp *c = ctx;
  int64_t given = end < c->plan->n ? end : c->plan->n;
  if (first < given)
    hr_fft_kernels_get()->multiply(c->values + first, c->in + first, c->plan->twiddles + first, given - first);
  int64_t zeros = first > given ? first : given;
  memset(c->values + zeros, 0, sizeof *c->values * (size_t)(end - zeros));
}

static void chirp_filter(void *ctx, int64_t first, int64_t end) {
  const chirp *c = ctx;
  hr_c64 *at = c->spectrum + first;
  hr_fft_kernels_get()->multiply_conj(at, at, c->plan->filter + first, end - first);
}

static void chirp_out(void *ctx, int64_t first, int64_t end) {
  const chirp *c = ctx;
  hr_fft_kernels_get()->multiply_conj(c->out + first, c->values + first, c->plan->twiddles + first, end - first);
}

static hr_status run_long_chirp(const hr_fft_plan *plan, const hr_c64 *in, hr_c64 *out) {
  hr_status status;
  hr_buffer *buffer;
  chirp c = {.plan = plan, .in = in, .out = out};
  status = hr_buffer_new(&buffer, 2 * (size_t)plan->padded * sizeof(hr_c64));
  if (status != HR_OK) return status;
  c.values = buffer->data;
  c.spectrum = c.values + plan->padded;
  hr_parallel_range(plan->padded, RANGE, chirp_in, &c);
  HR_TRY(hr_fft_run_long(plan->sub, c.values, c.spectrum));
  hr_parallel_range(plan->padded, RANGE, chirp_filter, &c);
  HR_TRY(hr_fft_run_long(plan->sub, c.spectrum, c.values));
  hr_parallel_range(plan->n, RANGE, chirp_out, &c);
done:
  hr_buffer_release(buffer);
  return status;
}

/* Through memory of its own where the result would overwrite what is still read. */
static hr_status run_short(const hr_fft_plan *plan, const hr_c64 *in, hr_c64 *out) {
  hr_buffer *buffer;
  hr_status status = hr_buffer_new(&buffer, (size_t)(plan->n + plan->scratch) * sizeof(hr_c64));
  if (status != HR_OK) return status;
  hr_c64 *result = buffer->data;
  hr_fft_run(plan, in, 1, result, result + plan->n);
  memcpy(out, result, (size_t)plan->n * sizeof *out);
  hr_buffer_release(buffer);
  return HR_OK;
}

hr_status hr_fft_run_long(const hr_fft_plan *plan, const hr_c64 *in, hr_c64 *out) {
  if (!plan->is_long) return run_short(plan, in, out);
  return plan->kind == HR_FFT_SQUARE ? run_square(plan, in, out) : run_long_chirp(plan, in, out);
}
