/* src/cpu/elementwise.c - see elementwise.h. */
#include "cpu/elementwise.h"

#include <string.h>

#include "cpu/loops.h"
#include "cpu/tuning.h"
#include "sched/parallel.h"

/* What a tile of an operand is made of. */
typedef enum source {
  SOURCE_FLAT,   /* a run in memory */
  SOURCE_SCALAR, /* one element */
  SOURCE_PACKED, /* gathered by strides */
} source;

typedef struct job {
  const hr_pass *pass;
  hr_loop loop; /* operand 0 is out, which is flat */
  source sources[HR_PASS_INPUTS];
  int64_t item[HR_PASS_INPUTS + 1]; /* bytes in memory; 0 is out */
  void (*pack[HR_PASS_INPUTS])(void *out, const char *in, int64_t stride, int64_t n);
  void (*stream)(void *out, const void *in, int64_t n); /* not NULL: results go past the caches */
  unsigned scalars;
  int64_t tile; /* elements */
  bool direct;  /* the kernel can take a whole range at once */
} job;

/* The tiles of one range, and how far operands have been packed. */
typedef struct tiles {
  const job *job;
  int64_t packed;
  char scalar[HR_PASS_INPUTS][16];
  char raw[HR_PASS_INPUTS][HR_TILE_BYTES];
  char wide[HR_PASS_WIDENED][HR_TILE_BYTES];
  char out[HR_TILE_BYTES];
} tiles;

static void pack_run(void *ctx, char *const *data, const int64_t *strides, int64_t count) {
  tiles *t = ctx;
  const job *j = t->job;
  for (int k = 0; k < j->pass->inputs; k++)
    if (j->sources[k] == SOURCE_PACKED)
      j->pack[k](t->raw[k] + t->packed * j->item[k + 1], data[k + 1], strides[k + 1], count);
  t->packed += count;
}

static const void *operand(tiles *t, int k, int64_t position, int64_t count) {
  const job *j = t->job;
  if (j->sources[k] == SOURCE_SCALAR) return t->scalar[k];
  const void *in = j->sources[k] == SOURCE_PACKED ? t->raw[k] : j->loop.data[k + 1] + position * j->item[k + 1];
  if (!j->pass->widen[k]) return in;
  j->pass->widen[k](t->wide[k], &in, count, 0);
  return t->wide[k];
}

/* Results that are too large for the caches come from operands that are, too: on their way in good time. Beyond the
 * operand's end a prefetch does nothing. */
static void fetch_ahead(const job *j, int64_t position, int64_t count) {
  for (int k = 0; k < j->pass->inputs; k++) {
    if (j->sources[k] != SOURCE_FLAT) continue;
    const char *next = j->loop.data[k + 1] + position * j->item[k + 1] + HR_AHEAD_BYTES;
    for (int64_t b = 0; b < count * j->item[k + 1]; b += 64) __builtin_prefetch(next + b);
  }
}

static void run_tile(tiles *t, int64_t position, int64_t count, bool pack) {
  const job *j = t->job;
  const hr_pass *pass = j->pass;
  const void *in[HR_PASS_INPUTS], *result = t->out;
  char *out = j->loop.data[0] + position * j->item[0];
  t->packed = 0;
  if (j->stream) fetch_ahead(j, position, count);
  if (pack) hr_loop_range(&j->loop, position, position + count, pack_run, t);
  for (int k = 0; k < pass->inputs; k++) in[k] = operand(t, k, position, count);
  pass->kernel(pass->narrow || j->stream ? t->out : out, in, count, j->scalars);
  if (pass->narrow) pass->narrow(j->stream ? t->raw[0] : out, &result, count, 0);
  if (j->stream) j->stream(out, pass->narrow ? t->raw[0] : t->out, count);
}

/* Stores past the caches are not ordered by the release that publishes the array. */
static void end_stream(void) {
#if defined(__x86_64__)
  __builtin_ia32_sfence();
#endif
}

static void run_range(void *ctx, int64_t first, int64_t end) {
  const job *j = ctx;
  tiles t;
  bool pack = false;
  t.job = j;
  for (int k = 0; k < j->pass->inputs; k++) {
    const void *in = j->loop.data[k + 1];
    pack |= j->sources[k] == SOURCE_PACKED;
    if (j->sources[k] != SOURCE_SCALAR) continue;
    if (j->pass->widen[k]) {
      j->pass->widen[k](t.scalar[k], &in, 1, 0);
    } else {
      memcpy(t.scalar[k], in, (size_t)j->item[k + 1]);
    }
  }
  int64_t step = j->direct ? end - first : j->tile;
  for (int64_t p = first; p < end; p += step) run_tile(&t, p, end - p < step ? end - p : step, pack);
  if (j->stream) end_stream();
}

/* Kernels of one input read a run always: one element for all is packed like any stride. */
static source source_of(const job *j, int k) {
  if (hr_loop_is_flat(&j->loop, k + 1, j->item[k + 1])) return SOURCE_FLAT;
  return j->pass->inputs > 1 && hr_loop_is_scalar(&j->loop, k + 1) ? SOURCE_SCALAR : SOURCE_PACKED;
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
    j->sources[k] = source_of(j, k);
    if (j->sources[k] == SOURCE_SCALAR) j->scalars |= 1u << k;
    if (j->sources[k] == SOURCE_PACKED) j->pack[k] = hr_kernels_move((size_t)j->item[k + 1])->pack;
    if (j->sources[k] == SOURCE_PACKED || (j->sources[k] == SOURCE_FLAT && pass->widen[k])) j->direct = false;
    if (j->item[k + 1] > largest) largest = j->item[k + 1];
    if (pass->wide_bytes[k] > largest) largest = pass->wide_bytes[k];
  }
  j->tile = HR_TILE_BYTES / largest;
  if (out->size * j->item[0] >= HR_STREAM_BYTES && !in_place(out, in, pass->inputs)) {
    j->stream = hr_kernels_move((size_t)j->item[0])->stream;
    j->direct = false;
  }
}

void hr_pass_run(const hr_pass *pass, const hr_array *out, hr_array *const *in) {
  job j;
  if (out->size == 0) return;
  job_init(&j, pass, out, in);
  if (out->size <= HR_PASS_GRAIN) {
    run_range(&j, 0, out->size);
  } else {
    hr_parallel_range_light(out->size, HR_PASS_GRAIN, run_range, &j);
  }
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
