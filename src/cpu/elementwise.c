/* src/cpu/elementwise.c - see elementwise.h. */
#include "cpu/elementwise.h"

#include <string.h>

#include "cpu/loops.h"
#include "cpu/tuning.h"
#include "sched/parallel.h"

/* Where the elements of an operand along the inner axis come from. */
typedef enum source {
  SOURCE_FLAT,   /* a run in memory */
  SOURCE_SCALAR, /* one element */
  SOURCE_PACKED, /* gathered by strides */
} source;

/* How a pass walks. Rows shorter than SHORT_ROW are gathered into tiles of many; where an operand runs along another
 * axis than the output, square blocks make use of all of the cache lines that are read and written. */
typedef enum walk { WALK_ROWS, WALK_GATHERED, WALK_BLOCKS } walk;
enum { SHORT_ROW = 48, MIN_SIDE = 8 };

typedef struct job {
  const hr_pass *pass;
  hr_loop loop; /* operand 0 is out, which is flat */
  source sources[HR_PASS_INPUTS];
  int64_t item[HR_PASS_INPUTS + 1]; /* bytes in memory; 0 is out */
  const hr_move_kernels *move[HR_PASS_INPUTS];
  void (*stream)(void *out, const void *in, int64_t n); /* not NULL: results go past the caches */
  unsigned scalars;
  int64_t tile; /* elements */
  bool direct;  /* the kernel can take a whole row at once */
  walk walk;
  int across;          /* blocks: the axis of their rows; their columns lie along the inner one */
  int64_t side, bands; /* of a block; blocks below each other */
} job;

/* The tiles of one range. */
typedef struct tiles {
  const job *job;
  int64_t packed; /* elements of a gathered tile so far */
  char scalar[HR_PASS_INPUTS][16];
  char raw[HR_PASS_INPUTS][HR_TILE_BYTES];
  char wide[HR_PASS_INPUTS][HR_TILE_BYTES];
  char out[HR_TILE_BYTES];
} tiles;

/* Results that are too large for the caches come from operands that are, too: on their way in good time. Beyond the
 * operand's end a prefetch does nothing. */
static void fetch_ahead(const job *j, const void *const *in, int64_t count) {
  for (int k = 0; k < j->pass->inputs; k++) {
    if (j->sources[k] != SOURCE_FLAT) continue;
    const char *next = (const char *)in[k] + HR_AHEAD_BYTES;
    for (int64_t b = 0; b < count * j->item[k + 1]; b += 64) __builtin_prefetch(next + b);
  }
}

static void compute(tiles *t, char *out, const void **in, int64_t count, unsigned scalars) {
  const hr_pass *pass = t->job->pass;
  const void *result = t->out;
  for (int k = 0; k < pass->inputs; k++) {
    if (!pass->widen[k] || (scalars & 1u << k)) continue;
    pass->widen[k](t->wide[k], &in[k], count, 0);
    in[k] = t->wide[k];
  }
  pass->kernel(pass->narrow ? t->out : out, in, count, scalars);
  if (pass->narrow) pass->narrow(out, &result, count, 0);
}

/* --- rows --- */

static void run_piece(tiles *t, char *out, const void **in, int64_t count) {
  const job *j = t->job;
  if (!j->stream) {
    compute(t, out, in, count, j->scalars);
    return;
  }
  char *to = j->pass->narrow ? t->raw[0] : t->out;
  fetch_ahead(j, in, count);
  compute(t, to, in, count, j->scalars);
  j->stream(out, to, count);
}

static void set_scalar(tiles *t, int k, const void *in) {
  const hr_pass *pass = t->job->pass;
  if (pass->widen[k]) {
    pass->widen[k](t->scalar[k], &in, 1, 0);
  } else {
    memcpy(t->scalar[k], in, (size_t)t->job->item[k + 1]);
  }
}

static void run_row(void *ctx, char *const *data, const int64_t *strides, int64_t count) {
  tiles *t = ctx;
  const job *j = t->job;
  int inputs = j->pass->inputs;
  int64_t step = j->direct ? count : j->tile;
  for (int k = 0; k < inputs; k++)
    if (j->sources[k] == SOURCE_SCALAR) set_scalar(t, k, data[k + 1]);
  for (int64_t p = 0; p < count; p += step) {
    const void *in[HR_PASS_INPUTS];
    int64_t n = count - p < step ? count - p : step;
    for (int k = 0; k < inputs; k++) {
      const char *from = data[k + 1] + p * strides[k + 1];
      in[k] = j->sources[k] == SOURCE_SCALAR ? t->scalar[k] : j->sources[k] == SOURCE_FLAT ? from : t->raw[k];
      if (j->sources[k] == SOURCE_PACKED) j->move[k]->pack(t->raw[k], from, strides[k + 1], n);
    }
    run_piece(t, data[0] + p * j->item[0], in, n);
  }
}

/* Stores past the caches are not ordered by the release that publishes the array. */
static void end_stream(void) {
#if defined(__x86_64__)
  __builtin_ia32_sfence();
#endif
}

static void run_rows(void *ctx, int64_t first, int64_t end) {
  tiles t;
  t.job = ctx;
  hr_loop_range(&t.job->loop, first, end, run_row, &t);
  if (t.job->stream) end_stream();
}

/* --- tiles gathered from short rows --- */

static void pack_run(void *ctx, char *const *data, const int64_t *strides, int64_t count) {
  tiles *t = ctx;
  const job *j = t->job;
  for (int k = 0; k < j->pass->inputs; k++)
    if (j->sources[k] == SOURCE_PACKED)
      j->move[k]->pack(t->raw[k] + t->packed * j->item[k + 1], data[k + 1], strides[k + 1], count);
  t->packed += count;
}

static void run_gathered(void *ctx, int64_t first, int64_t end) {
  const job *j = ctx;
  tiles t;
  t.job = j;
  for (int k = 0; k < j->pass->inputs; k++)
    if (j->sources[k] == SOURCE_SCALAR) set_scalar(&t, k, j->loop.data[k + 1]);
  for (int64_t p = first; p < end; p += j->tile) {
    const void *in[HR_PASS_INPUTS];
    int64_t n = end - p < j->tile ? end - p : j->tile;
    t.packed = 0;
    hr_loop_range(&j->loop, p, p + n, pack_run, &t);
    for (int k = 0; k < j->pass->inputs; k++)
      in[k] = j->sources[k] == SOURCE_SCALAR ? t.scalar[k]
              : j->sources[k] == SOURCE_FLAT ? j->loop.data[k + 1] + p * j->item[k + 1]
                                             : t.raw[k];
    run_piece(&t, j->loop.data[0] + p * j->item[0], in, n);
  }
  if (j->stream) end_stream();
}

/* --- blocks --- */

static void copy_rows(char *to, int64_t to_stride, const char *from, int64_t from_stride, int64_t rows, int64_t bytes) {
  for (int64_t r = 0; r < rows; r++) {
    if (bytes == 64) { /* a constant becomes one instruction */
      memcpy(to + r * to_stride, from + r * from_stride, 64);
    } else {
      memcpy(to + r * to_stride, from + r * from_stride, (size_t)bytes);
    }
  }
}

/* Operand k of a block, without gaps, in t->raw[k]. */
static void pack_block(tiles *t, int k, const char *from, int64_t rows, int64_t columns) {
  const job *j = t->job;
  int64_t item = j->item[k + 1], down = j->loop.strides[k + 1][j->across],
          along = j->loop.strides[k + 1][j->loop.ndim - 1];
  if (along == item) {
    copy_rows(t->raw[k], columns * item, from, down, rows, columns * item);
  } else if (down == item) {
    j->move[k]->transpose(t->raw[k], columns * item, from, along, rows, columns);
  } else {
    for (int64_t r = 0; r < rows; r++)
      j->move[k]->pack(t->raw[k] + r * columns * item, from + r * down, along, columns);
  }
}

static void run_block(tiles *t, char *const *data, int64_t rows, int64_t column, int64_t columns) {
  const job *j = t->job;
  const void *in[HR_PASS_INPUTS];
  int inner = j->loop.ndim - 1;
  char result[HR_TILE_BYTES];
  for (int k = 0; k < j->pass->inputs; k++) {
    pack_block(t, k, data[k + 1] + column * j->loop.strides[k + 1][inner], rows, columns);
    in[k] = t->raw[k];
  }
  compute(t, result, in, rows * columns, 0);
  copy_rows(data[0] + column * j->item[0], j->loop.strides[0][j->across], result, columns * j->item[0], rows,
            columns * j->item[0]);
}

/* Bands [first, end): each has `side` positions of the axis `across` and all of the inner one. */
static void run_bands(void *ctx, int64_t first, int64_t end) {
  const job *j = ctx;
  const hr_loop *loop = &j->loop;
  tiles t;
  t.job = j;
  for (int64_t band = first; band < end; band++) {
    char *data[HR_PASS_INPUTS + 1];
    int64_t row = band % j->bands * j->side, rest = band / j->bands, length = loop->shape[loop->ndim - 1];
    int64_t rows = loop->shape[j->across] - row < j->side ? loop->shape[j->across] - row : j->side;
    for (int k = 0; k <= j->pass->inputs; k++) data[k] = loop->data[k] + row * loop->strides[k][j->across];
    for (int i = loop->ndim - 2; i >= 0; i--) {
      if (i == j->across) continue;
      for (int k = 0; k <= j->pass->inputs; k++) data[k] += rest % loop->shape[i] * loop->strides[k][i];
      rest /= loop->shape[i];
    }
    for (int64_t c = 0; c < length; c += j->side)
      run_block(&t, data, rows, c, length - c < j->side ? length - c : j->side);
  }
}

static void run_blocks(const job *j) {
  int64_t length = j->loop.shape[j->loop.ndim - 1];
  int64_t bands = j->loop.size / (j->loop.shape[j->across] * length) * j->bands;
  hr_parallel_range_light(bands, hr_pass_grain(j->loop.size) / (j->side * length) + 1, run_bands, (void *)j);
}

/* --- which walk --- */

/* Kernels of one input read a run always: one element for all is packed like any stride. */
static source source_of(const job *j, int k) {
  int64_t along = j->loop.strides[k + 1][j->loop.ndim - 1];
  if (j->walk == WALK_GATHERED) {
    if (hr_loop_is_flat(&j->loop, k + 1, j->item[k + 1])) return SOURCE_FLAT;
    return j->pass->inputs > 1 && hr_loop_is_scalar(&j->loop, k + 1) ? SOURCE_SCALAR : SOURCE_PACKED;
  }
  if (along == j->item[k + 1]) return SOURCE_FLAT;
  return j->pass->inputs > 1 && along == 0 ? SOURCE_SCALAR : SOURCE_PACKED;
}

/* The axis that operand k runs along, when that is not the inner one; or -1. */
static int other_axis(const job *j, int k) {
  const int64_t *strides = j->loop.strides[k + 1];
  int inner = j->loop.ndim - 1;
  if (strides[inner] == j->item[k + 1] || strides[inner] == 0 || j->loop.shape[inner] < MIN_SIDE) return -1;
  for (int i = 0; i < inner; i++)
    if (strides[i] == j->item[k + 1] && j->loop.shape[i] >= MIN_SIDE) return i;
  return -1;
}

static void choose_walk(job *j) {
  int inner = j->loop.ndim - 1;
  j->walk = inner > 0 && j->loop.shape[inner] < SHORT_ROW ? WALK_GATHERED : WALK_ROWS;
  for (int k = 0; k < j->pass->inputs; k++) {
    j->across = other_axis(j, k);
    if (j->across < 0) continue;
    j->walk = WALK_BLOCKS;
    for (j->side = MIN_SIDE; 4 * j->side * j->side <= j->tile; j->side *= 2) continue;
    j->bands = (j->loop.shape[j->across] + j->side - 1) / j->side;
    return;
  }
}

static bool in_place(const hr_array *out, hr_array *const *in, int inputs) {
  for (int k = 0; k < inputs; k++)
    if (in[k]->buffer == out->buffer) return true;
  return false;
}

static void job_init(job *j, const hr_pass *pass, const hr_array *out, hr_array *const *in) {
  int64_t largest = pass->result_bytes;
  *j = (job){.pass = pass, .direct = !pass->narrow};
  hr_loop_init(&j->loop, hr_array_shape(out), out->ndim);
  hr_loop_add(&j->loop, out);
  j->item[0] = (int64_t)hr_array_itemsize(out);
  for (int k = 0; k < pass->inputs; k++) {
    hr_loop_add(&j->loop, in[k]);
    j->item[k + 1] = (int64_t)hr_array_itemsize(in[k]);
  }
  hr_loop_sort(&j->loop, 0);
  hr_loop_collapse(&j->loop);
  for (int k = 0; k < pass->inputs; k++) {
    if (j->item[k + 1] > largest) largest = j->item[k + 1];
    if (pass->wide_bytes[k] > largest) largest = pass->wide_bytes[k];
  }
  j->tile = HR_TILE_BYTES / largest;
  choose_walk(j);
  for (int k = 0; k < pass->inputs; k++) {
    j->move[k] = hr_kernels_move((size_t)j->item[k + 1]);
    j->sources[k] = source_of(j, k);
    if (j->sources[k] == SOURCE_SCALAR) j->scalars |= 1u << k;
    if (j->sources[k] == SOURCE_PACKED || (j->sources[k] == SOURCE_FLAT && pass->widen[k])) j->direct = false;
  }
  bool aligned = j->loop.ndim == 1 || j->loop.shape[j->loop.ndim - 1] * j->item[0] % 64 == 0;
  if (aligned && out->size * j->item[0] >= HR_STREAM_BYTES && !in_place(out, in, pass->inputs)) {
    j->stream = hr_kernels_move((size_t)j->item[0])->stream;
    j->direct = false;
  }
}

void hr_pass_run(const hr_pass *pass, const hr_array *out, hr_array *const *in) {
  job j;
  if (out->size == 0) return;
  job_init(&j, pass, out, in);
  if (j.walk == WALK_BLOCKS)
    run_blocks(&j);
  else
    hr_parallel_range_light(out->size, hr_pass_grain(out->size), j.walk == WALK_ROWS ? run_rows : run_gathered, &j);
}

void hr_pass_init(hr_pass *pass, hr_kernel kernel, hr_dtype compute, hr_dtype result, const hr_array *out,
                  hr_array *const *in, int inputs) {
  *pass = (hr_pass){.kernel = kernel, .inputs = inputs, .result_bytes = hr_dtype_bytes[result]};
  for (int k = 0; k < inputs; k++) {
    hr_dtype from = hr_array_dtype(in[k]);
    pass->wide_bytes[k] = hr_dtype_bytes[compute];
    if (from != compute) pass->widen[k] = hr_kernel_cast(from, compute);
  }
  if (hr_array_dtype(out) != result) pass->narrow = hr_kernel_cast(result, hr_array_dtype(out));
}
