/* src/cpu/hadamard.c - the Walsh-Hadamard transform of rows, of any layout.
 * Short rows are shared out among workers; a long one is worked on by all: blocks first, then columns across them. */
#include "cpu/kernels/hadamard.h"
#include "cpu/isa.h"
#include "cpu/loops.h"
#include "cpu/slots.h"
#include "ops/hadamard.h"
#include "ops/op_list.h"
#include "sched/parallel.h"

enum { CHUNK_ITEMS = 1 << 17, LONG = 1 << 16, BLOCK = 1 << 13, COLUMNS = 64 };

/* Hadamard matrices of lengths that are no powers of two, those of N. J. A. Sloane's collection which MLX uses
 * (had.12, had.20.will, had.28.will): bit c of row r is set where the sign is minus. */
static const uint32_t SIGNS_12[] = {0x2, 0xaab, 0x3c8, 0x96e, 0xf20, 0x5ba, 0xc8c, 0x6e6, 0x23c, 0xb96, 0x8f0, 0xe5a};
static const uint32_t SIGNS_20[] = {0x933de, 0x2e3bd, 0x5477b, 0xa0ef7, 0x499ef, 0x637c1, 0xc6ba2,
                                    0x8d764, 0x1aee8, 0x359f0, 0xfa53,  0x174a7, 0x26d4e, 0x45e9c,
                                    0x83d39, 0xf7a6d, 0xef4fa, 0xdedd5, 0xbdf8b, 0x7bf36};
static const uint32_t SIGNS_28[] = {0xcd69e7e, 0x9ad7c7d, 0x37ab8fb, 0x6d571f7, 0xd8ae3ef, 0xb3587df, 0x66b4f3f,
                                    0xb467f43, 0x6acbe87, 0xd593d8e, 0xab27b9c, 0x564f7b8, 0xac9aff0, 0x5b31fe1,
                                    0x87fb325, 0xff66ca,  0x1decd95, 0x39ddb2a, 0x71bf654, 0xe17eca9, 0xc2fd9d2,
                                    0xfcf1299, 0xfbe2532, 0xf7c4ae4, 0xef8d549, 0xdf1ea13, 0xbe3d4a6, 0x7e7a94c};

HR_ISA_DECLARE(hr_hadamard_kernel, hr_hadamard_f16);
HR_ISA_DECLARE(hr_hadamard_kernel, hr_hadamard_f32);
HR_ISA_DECLARE(hr_hadamard_kernel, hr_hadamard_f64);
HR_ISA_DECLARE(hr_hadamard_kernel, hr_hadamard_bf16);

static const hr_hadamard_kernel *find_kernel(hr_dtype dtype) {
  static const hr_hadamard_kernel *const f16[] = HR_ISA_ROW(hr_hadamard_f16),
                                         *const f32[] = HR_ISA_ROW(hr_hadamard_f32),
                                         *const f64[] = HR_ISA_ROW(hr_hadamard_f64),
                                         *const bf16[] = HR_ISA_ROW(hr_hadamard_bf16);
  int level = (int)hr_isa_level();
  if (dtype == HR_FLOAT16) return f16[level];
  if (dtype == HR_BFLOAT16) return bf16[level];
  return dtype == HR_FLOAT64 ? f64[level] : f32[level];
}

typedef struct job {
  const hr_hadamard_kernel *kernel;
  const uint32_t *signs;
  int m;
  int64_t n, power, elem; /* n = m power */
  int64_t in_stride;
  double scale;
  hr_loop rows; /* operand 0 is the output, operand 1 the input */
  hr_slots slots;
  int64_t block; /* of long rows: values that follow each other and are worked on at once */
  const char *in;
  char *out, *values;
} job;

static void transform_row(const job *j, char *values, char *out, const char *in) {
  j->kernel->load(values, in, j->in_stride, j->n);
  for (int i = 0; i < j->m; i++) j->kernel->low(values + i * j->power * j->kernel->accum_bytes, j->power);
  if (j->m > 1) j->kernel->mix(values, j->power, j->power, j->signs, j->m);
  j->kernel->store(out, values, j->scale, j->n);
}

typedef struct chunk {
  const job *job;
  char *values;
} chunk;

static void rows_run(void *ctx, char *const *data, const int64_t *strides, int64_t count) {
  const chunk *c = ctx;
  for (int64_t i = 0; i < count; i++)
    transform_row(c->job, c->values, data[0] + i * strides[0], data[1] + i * strides[1]);
}

static void short_rows(void *ctx, int64_t first, int64_t end) {
  job *j = ctx;
  chunk c = {j, hr_slots_take(&j->slots)};
  hr_loop_range(&j->rows, first, end, rows_run, &c);
  hr_slots_give(&j->slots, c.values);
}

/* --- long rows --- */

static void long_block(void *ctx, int64_t block) {
  const job *j = ctx;
  char *values = j->values + block * j->block * j->kernel->accum_bytes;
  j->kernel->load(values, j->in + block * j->block * j->in_stride, j->in_stride, j->block);
  j->kernel->low(values, j->block);
}

static void long_columns(void *ctx, int64_t index) {
  const job *j = ctx;
  int64_t rows = j->power / j->block, bytes = j->kernel->accum_bytes;
  char *columns = j->values + index * COLUMNS * bytes;
  for (int i = 0; i < j->m; i++) j->kernel->high(columns + i * j->power * bytes, j->block, rows, COLUMNS);
  for (int64_t r = 0; r < rows && j->m > 1; r++)
    j->kernel->mix(columns + r * j->block * bytes, j->power, COLUMNS, j->signs, j->m);
}

static void long_store(void *ctx, int64_t block) {
  const job *j = ctx;
  j->kernel->store(j->out + block * j->block * j->elem, j->values + block * j->block * j->kernel->accum_bytes, j->scale,
                   j->block);
}

static void long_rows(void *ctx, char *const *data, const int64_t *strides, int64_t count) {
  job *j = ctx;
  for (int64_t i = 0; i < count; i++) {
    j->out = data[0] + i * strides[0];
    j->in = data[1] + i * strides[1];
    hr_parallel_for(j->n / j->block, long_block, j);
    hr_parallel_for(j->block / COLUMNS, long_columns, j);
    hr_parallel_for(j->n / j->block, long_store, j);
  }
}

/* --- the op --- */

static void set_rows(job *j, const hr_array *in, const hr_array *out) {
  int count = in->ndim ? in->ndim - 1 : 0;
  hr_loop_init(&j->rows, hr_array_shape(in), count);
  hr_loop_add_strided(&j->rows, hr_array_data(out), hr_array_strides(out), j->elem);
  hr_loop_add_strided(&j->rows, hr_array_data(in), hr_array_strides(in), j->elem);
  hr_loop_collapse(&j->rows);
  j->n = in->ndim ? hr_array_shape(in)[count] : 1;
  j->in_stride = in->ndim ? hr_array_strides(in)[count] * j->elem : 0;
}

hr_status hr_cpu_hadamard(const hr_run *run) {
  const hr_hadamard_attrs *attrs = run->attrs;
  const hr_array *in = run->in[0], *out = run->out[0];
  hr_status status = hr_run_reuse(run, 0, 1);
  if (status != HR_OK) return status;
  job j = {.kernel = find_kernel(hr_array_dtype(in)), .m = attrs->m, .scale = attrs->scale};
  j.elem = (int64_t)hr_array_itemsize(in);
  j.signs = j.m == 12 ? SIGNS_12 : j.m == 20 ? SIGNS_20 : SIGNS_28;
  set_rows(&j, in, out);
  j.power = j.n / j.m;
  j.block = j.power < BLOCK ? j.power : BLOCK;
  bool is_long = j.n > LONG;
  int64_t grain = j.n < CHUNK_ITEMS ? CHUNK_ITEMS / j.n : 1;
  status = hr_slots_init(&j.slots, is_long ? 1 : (j.rows.size + grain - 1) / grain, j.n * j.kernel->accum_bytes);
  if (status == HR_OK && is_long) {
    j.values = hr_slots_take(&j.slots);
    hr_loop_range(&j.rows, 0, j.rows.size, long_rows, &j);
  } else if (status == HR_OK) {
    hr_parallel_range(j.rows.size, grain, short_rows, &j);
  }
  hr_slots_deinit(&j.slots);
  return status;
}
