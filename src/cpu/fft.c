/* src/cpu/fft.c - Fourier transforms along one axis of any layout.
 *
 * Rows of short plans are shared out among workers, a block of neighbours at a time where the axis is strided, so that
 * memory is read and written by lines of the cache. Rows of long ones follow each other, each worked on by all.
 * A real row of even length 2h is a complex one of h values: before or after its transform the values of even and odd
 * places are told apart (Sorensen, Jones, Heideman, Burrus 1987, "Real-valued fast Fourier transform algorithms"). */
#include <string.h>

#include "cpu/fft_plan.h"
#include "cpu/loops.h"
#include "cpu/slots.h"
#include "ops/fft.h"
#include "ops/op_list.h"
#include "sched/parallel.h"

enum { BLOCK = HR_FFT_LANES /* rows: two lines of complex64 */, PAD = 8, CHUNK_NS = 100000, RANGE = 1 << 15 };

typedef struct job {
  hr_fft_plan *plan;
  hr_fft_roots roots; /* of n, for real rows of even length */
  hr_fft_form form;
  bool widens;        /* float32 to complex64 as it is read */
  bool even;          /* real rows of even length */
  int64_t n, half;    /* half: n / 2 */
  int64_t given;      /* elements of the input that count; the rest are zeros */
  int64_t read, made; /* elements that a row has before the transform and after it, as read and stored */
  int64_t in_stride, out_stride, in_item, out_item;
  bool in_place_in, in_place_out; /* the input's row is what the plan reads; the output's row is what it writes */
  bool aside;                     /* blocks of rows run side by side */
  float factor;
  hr_loop rows; /* operand 0 is the output, operand 1 the input */
  int64_t block, pitch;
  hr_slots slots; /* `block` rows before and after the transform, the plan's scratch */
  hr_status status;
} job;

static int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }
static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

/* --- reading: elements [first, end) of `rows` rows, which are row_step bytes apart; `to` moves on by pitch --- */

static void read_complex(const job *j, hr_c64 *to, const char *in, int64_t row_step, int64_t rows, int64_t first,
                         int64_t end) {
  if (j->in_stride == (int64_t)sizeof(hr_c64)) {
    for (int64_t r = 0; r < rows; r++)
      memcpy(to + r * j->pitch + first, in + r * row_step + first * j->in_stride, (size_t)(end - first) * sizeof *to);
    return;
  }
  for (int64_t i = first; i < end; i++)
    for (int64_t r = 0; r < rows; r++) memcpy(to + r * j->pitch + i, in + r * row_step + i * j->in_stride, sizeof *to);
}

static float real_at(const char *at) {
  float x;
  memcpy(&x, at, sizeof x);
  return x;
}

static void read_real(const job *j, hr_c64 *to, const char *in, int64_t row_step, int64_t rows, int64_t first,
                      int64_t end) {
  for (int64_t i = first; i < end; i++)
    for (int64_t r = 0; r < rows; r++)
      ((float *)(to + r * j->pitch))[i] = real_at(in + r * row_step + i * j->in_stride);
}

static void read_widened(const job *j, hr_c64 *to, const char *in, int64_t row_step, int64_t rows, int64_t first,
                         int64_t end) {
  for (int64_t i = first; i < end; i++)
    for (int64_t r = 0; r < rows; r++)
      to[r * j->pitch + i] = (hr_c64){real_at(in + r * row_step + i * j->in_stride), 0};
}

/* The same for any form, with zeros behind what is given. */
static void read_rows(const job *j, hr_c64 *to, const char *in, int64_t row_step, int64_t rows, int64_t first,
                      int64_t end) {
  int64_t given = smaller(end, j->given), zeros = larger(first, given);
  bool real = j->form == HR_FFT_REAL && j->even;
  if (first < given)
    (real ? read_real : j->widens ? read_widened : read_complex)(j, to, in, row_step, rows, first, given);
  if (zeros >= end) return;
  int64_t item = real ? (int64_t)sizeof(float) : (int64_t)sizeof(hr_c64);
  for (int64_t r = 0; r < rows; r++)
    memset((char *)(to + r * j->pitch) + zeros * item, 0, (size_t)((end - zeros) * item));
}

/* --- between halves and whole rows; k counts pairs, from 0 to half / 2, or of odd lengths to half --- */

/* From the transform Z of z[i] = x[2i] + i x[2i + 1] to that of x:
 * X[k] = E + w O and X[h - k] = conj(E - w O), E = (Z[k] + conj Z[h - k]) / 2, O = (Z[k] - conj Z[h - k]) / 2i. */
static void to_half(const job *j, hr_c64 *x, int64_t first, int64_t end) {
  hr_c64 room[HR_FFT_RUN];
  int64_t h = j->half;
  float scale = j->factor / 2;
  for (int64_t at = first, count; at < end; at += count) {
    count = at ? smaller(end - at, HR_FFT_RUN) : 1; /* pair 0 alone: vectors take those behind it */
    const hr_c64 *roots = hr_fft_roots_run(&j->roots, at, 1, count, room);
    int64_t done = at ? hr_fft_kernels_get()->to_half(x, h, roots, at, count, scale) : 0;
    for (int64_t k = at + done; k < at + count; k++) {
      hr_c64 w = roots[k - at], a = x[k], b = x[k ? h - k : 0];
      hr_c64 e = {(a.re + b.re) * scale, (a.im - b.im) * scale}, o = {(a.im + b.im) * scale, (b.re - a.re) * scale};
      hr_c64 wo = {w.re * o.re - w.im * o.im, w.re * o.im + w.im * o.re};
      x[k] = (hr_c64){e.re + wo.re, e.im + wo.im};
      x[h - k] = (hr_c64){e.re - wo.re, wo.im - e.im};
    }
  }
}

/* Back, for inverse transforms that are not scaled: Z[k] = E + i w O, Z[h - k] = conj E + i conj(w O),
 * E = X[k] + conj X[h - k], O = X[k] - conj X[h - k]. The imaginary parts of X[0] and X[h] count as 0. */
static void from_half(const job *j, hr_c64 *x, int64_t first, int64_t end) {
  hr_c64 room[HR_FFT_RUN];
  int64_t h = j->half;
  if (first == 0) x[0].im = x[h].im = 0;
  for (int64_t at = first, count; at < end; at += count) {
    count = at ? smaller(end - at, HR_FFT_RUN) : 1; /* pair 0 alone: vectors take those behind it */
    const hr_c64 *roots = hr_fft_roots_run(&j->roots, at, 1, count, room);
    int64_t done = at ? hr_fft_kernels_get()->from_half(x, h, roots, at, count, j->factor) : 0;
    for (int64_t k = at + done; k < at + count; k++) {
      hr_c64 w = roots[k - at], a = x[k], b = x[h - k];
      hr_c64 e = {(a.re + b.re) * j->factor, (a.im - b.im) * j->factor};
      hr_c64 o = {(a.re - b.re) * j->factor, (a.im + b.im) * j->factor};
      hr_c64 wo = {w.re * o.re - w.im * o.im, w.re * o.im + w.im * o.re};
      x[k] = (hr_c64){e.re - wo.im, e.im + wo.re};
      if (k) x[h - k] = (hr_c64){e.re + wo.im, wo.re - e.im};
    }
  }
}

/* An odd number of values from the first half of them and one. */
static void mirror(const job *j, hr_c64 *x, int64_t first, int64_t end) {
  if (first == 0) x[0].im = 0;
  for (int64_t k = first ? first : 1; k < end; k++) x[j->n - k] = (hr_c64){x[k].re, -x[k].im};
}

/* Pairs that prepare() or finish() have to do. */
static int64_t pairs(const job *j) { return (j->even ? j->half / 2 : j->half) + 1; }

/* Before the transform of a row of halves: pairs [first, end). */
static void prepare(const job *j, hr_c64 *x, int64_t first, int64_t end) {
  (j->even ? from_half : mirror)(j, x, first, end);
}

/* --- after the transform --- */

static bool needs_scaling(const job *j) { return j->factor != 1 && !j->even; }

static void store_row(const job *j, char *out, const hr_c64 *from, int64_t first, int64_t end) {
  bool wide = j->out_item == (int64_t)sizeof(hr_c64);
  const char *items = (const char *)from; /* of odd lengths the real ones are every second float */
  int64_t step = wide || !j->even ? (int64_t)sizeof(hr_c64) : (int64_t)sizeof(float);
  for (int64_t i = first; i < end; i++) {
    if (wide)
      memcpy(out + i * j->out_stride, items + i * step, sizeof(hr_c64));
    else
      memcpy(out + i * j->out_stride, items + i * step, sizeof(float));
  }
}

static void store_block(const job *j, char *out, int64_t row_step, const hr_c64 *from, int64_t rows) {
  if (j->out_stride == j->out_item || j->out_item != (int64_t)sizeof(hr_c64)) {
    for (int64_t r = 0; r < rows; r++) store_row(j, out + r * row_step, from + r * j->pitch, 0, j->made);
    return;
  }
  for (int64_t i = 0; i < j->made; i++)
    for (int64_t r = 0; r < rows; r++)
      memcpy(out + r * row_step + i * j->out_stride, from + r * j->pitch + i, sizeof *from);
}

/* --- short rows --- */

typedef struct chunk {
  const job *job;
  hr_c64 *before, *after, *scratch;
} chunk;

/* Rows from `in` to `out`, whose values follow each other where more than the transform is to be done. */
static void transform(const chunk *c, const hr_fft_rows *in, const hr_fft_rows *out, int64_t rows) {
  const job *j = c->job;
  if (j->aside) hr_fft_run_aside(j->plan, in, out, rows, c->scratch);
  for (int64_t r = 0; r < rows; r++) {
    hr_c64 *to = (hr_c64 *)(out->data + r * out->row_step);
    if (!j->aside) hr_fft_run(j->plan, (const hr_c64 *)(in->data + r * in->row_step), 1, to, c->scratch);
    if (j->form == HR_FFT_REAL && j->even) to_half(j, to, 0, pairs(j));
    if (needs_scaling(j)) hr_fft_kernels_get()->scale(&to->re, j->factor, 2 * j->plan->n);
  }
}

static void run_block(const chunk *c, char *out, int64_t out_step, const char *in, int64_t in_step, int64_t rows) {
  const job *j = c->job;
  hr_fft_rows from = {(char *)c->before, sizeof(hr_c64), j->pitch * (int64_t)sizeof(hr_c64)};
  hr_fft_rows to = {(char *)c->after, sizeof(hr_c64), j->pitch * (int64_t)sizeof(hr_c64)};
  if (j->in_place_in)
    from = (hr_fft_rows){(char *)in, j->form == HR_FFT_REAL ? (int64_t)sizeof(hr_c64) : j->in_stride, in_step};
  else
    read_rows(j, c->before, in, in_step, rows, 0, j->read);
  if (j->in_place_out)
    to = (hr_fft_rows){out, j->form == HR_FFT_HALF ? (int64_t)sizeof(hr_c64) : j->out_stride, out_step};
  for (int64_t r = 0; r < rows && j->form == HR_FFT_HALF; r++) prepare(j, c->before + r * j->pitch, 0, pairs(j));
  transform(c, &from, &to, rows);
  if (!j->in_place_out) store_block(j, out, out_step, c->after, rows);
}

static void run_rows(void *ctx, char *const *data, const int64_t *strides, int64_t count) {
  const chunk *c = ctx;
  for (int64_t i = 0; i < count; i += c->job->block)
    run_block(c, data[0] + i * strides[0], strides[0], data[1] + i * strides[1], strides[1],
              smaller(count - i, c->job->block));
}

static void short_rows(void *ctx, int64_t first, int64_t end) {
  job *j = ctx;
  chunk c = {.job = j, .before = hr_slots_take(&j->slots)};
  c.after = c.before + j->block * j->pitch;
  c.scratch = c.after + j->block * j->pitch;
  hr_loop_range(&j->rows, first, end, run_rows, &c);
  hr_slots_give(&j->slots, c.before);
}

static hr_status run_short(job *j) {
  int64_t grain = larger(CHUNK_NS / (j->plan->ns + 4 * j->n), 1);
  grain = (grain + j->block - 1) / j->block * j->block;
  int64_t values = 2 * j->block * j->pitch + hr_fft_scratch(j->plan);
  hr_status status = hr_slots_init(&j->slots, (j->rows.size + grain - 1) / grain, values * (int64_t)sizeof(hr_c64));
  if (status == HR_OK) hr_parallel_range(j->rows.size, grain, short_rows, j);
  hr_slots_deinit(&j->slots);
  return status;
}

/* --- long rows: each step a parallel loop --- */

typedef struct long_row {
  const job *job;
  const char *in;
  char *out;
  hr_c64 *before, *after;
} long_row;

static void read_range(void *ctx, int64_t first, int64_t end) {
  const long_row *row = ctx;
  read_rows(row->job, row->before, row->in, 0, 1, first, end);
}
static void prepare_range(void *ctx, int64_t first, int64_t end) {
  const long_row *row = ctx;
  prepare(row->job, row->before, first, end);
}
static void scale_range(void *ctx, int64_t first, int64_t end) {
  const long_row *row = ctx;
  hr_fft_kernels_get()->scale(&row->after[first].re, row->job->factor, 2 * (end - first));
}
static void half_range(void *ctx, int64_t first, int64_t end) {
  const long_row *row = ctx;
  to_half(row->job, row->after, first, end);
}
static void store_range(void *ctx, int64_t first, int64_t end) {
  const long_row *row = ctx;
  store_row(row->job, row->out, row->after, first, end);
}

static hr_status transform_long(long_row *row) {
  const job *j = row->job;
  if (!j->in_place_in) hr_parallel_range(j->read, RANGE, read_range, row);
  if (j->form == HR_FFT_HALF) hr_parallel_range(pairs(j), RANGE / 2, prepare_range, row);
  hr_status status = hr_fft_run_long(j->plan, row->before, row->after);
  if (status != HR_OK) return status;
  if (needs_scaling(j)) hr_parallel_range(j->plan->n, RANGE, scale_range, row);
  if (j->form == HR_FFT_REAL && j->even) hr_parallel_range(pairs(j), RANGE / 2, half_range, row);
  if (!j->in_place_out) hr_parallel_range(j->made, RANGE, store_range, row);
  return HR_OK;
}

static void long_rows(void *ctx, char *const *data, const int64_t *strides, int64_t count) {
  job *j = ctx;
  hr_c64 *room = j->slots.buffer->data;
  for (int64_t i = 0; i < count && j->status == HR_OK; i++) {
    long_row row = {.job = j, .out = data[0] + i * strides[0], .in = data[1] + i * strides[1]};
    row.before = j->in_place_in ? (hr_c64 *)row.in : room;
    row.after = j->in_place_out ? (hr_c64 *)row.out : room + j->pitch;
    j->status = transform_long(&row);
  }
}

static hr_status run_long(job *j) {
  j->status = hr_slots_init(&j->slots, 1, 2 * j->pitch * (int64_t)sizeof(hr_c64));
  if (j->status == HR_OK) hr_loop_range(&j->rows, 0, j->rows.size, long_rows, j);
  hr_slots_deinit(&j->slots);
  return j->status;
}

/* --- the op --- */

static void set_rows(job *j, const hr_array *in, const hr_array *out, int axis) {
  int shape[HR_MAX_NDIM], count = 0;
  int64_t in_strides[HR_MAX_NDIM], out_strides[HR_MAX_NDIM];
  for (int i = 0; i < in->ndim; i++) {
    if (i == axis) continue;
    shape[count] = hr_array_shape(in)[i];
    in_strides[count] = hr_array_strides(in)[i];
    out_strides[count++] = hr_array_strides(out)[i];
  }
  j->in_item = (int64_t)hr_array_itemsize(in);
  j->out_item = (int64_t)hr_array_itemsize(out);
  hr_loop_init(&j->rows, shape, count);
  hr_loop_add_strided(&j->rows, hr_array_data(out), out_strides, j->out_item);
  hr_loop_add_strided(&j->rows, hr_array_data(in), in_strides, j->in_item);
  hr_loop_collapse(&j->rows);
  j->in_stride = hr_array_strides(in)[axis] * j->in_item;
  j->out_stride = hr_array_strides(out)[axis] * j->out_item;
}

/* Which rows the plan may read and write where they are. Short plans do not work in place. */
static void set_places(job *j, const hr_array *in, const hr_array *out, int axis) {
  int in_length = hr_array_shape(in)[axis];
  j->even = j->form != HR_FFT_COMPLEX && j->n % 2 == 0;
  j->widens = hr_array_dtype(in) == HR_FLOAT32 && !j->even;
  j->read = j->form == HR_FFT_HALF ? j->half + 1 : j->n;
  j->made = hr_array_shape(out)[axis];
  j->given = smaller(in_length, j->read);
  bool plain = j->form != HR_FFT_HALF && !j->widens && j->given == j->read;
  j->aside = !j->plan->is_long && hr_fft_runs_aside(j->plan, j->rows.shape[j->rows.ndim - 1]);
  bool any_layout = j->aside && j->form == HR_FFT_COMPLEX;
  bool dense_in = j->in_stride == j->in_item || j->n == 1, dense_out = j->out_stride == j->out_item || j->n == 1;
  j->in_place_in = plain && (dense_in || any_layout) && (j->plan->is_long || j->aside || in->buffer != out->buffer);
  j->in_place_out = j->form == HR_FFT_COMPLEX ? dense_out || (any_layout && j->factor == 1) : j->even && dense_out;
  j->block = j->in_stride == j->in_item && j->out_stride == j->out_item && !j->aside ? 1 : BLOCK;
  j->pitch = j->plan->n + 1 + PAD;
}

hr_status hr_cpu_fft(const hr_run *run) {
  const hr_fft_attrs *attrs = run->attrs;
  const hr_array *in = run->in[0], *out = run->out[0];
  hr_status status = attrs->form == HR_FFT_COMPLEX ? hr_run_reuse(run, 0, 1) : hr_run_output(run, 0);
  if (status != HR_OK || out->size == 0) return status;
  job j = {.form = (hr_fft_form)attrs->form, .n = attrs->n, .half = attrs->n / 2, .factor = (float)attrs->factor};
  bool even = j.form != HR_FFT_COMPLEX && j.n % 2 == 0;
  HR_TRY(hr_fft_plan_get(&j.plan, even ? j.half : j.n, attrs->sign));
  if (even) HR_TRY(hr_fft_roots_init(&j.roots, j.n, j.half / 2 + 1, attrs->sign));
  set_rows(&j, in, out, attrs->axis);
  set_places(&j, in, out, attrs->axis);
  status = j.plan->is_long ? run_long(&j) : run_short(&j);
done:
  hr_fft_plan_release(j.plan);
  hr_fft_roots_deinit(&j.roots);
  return status == HR_OK ? HR_OK : hr_fail_prefix(status, "fft: ");
}
