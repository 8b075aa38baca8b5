#include "io/load.h"

#include <stdio.h>

#include "array/buffer.h"
#include "io/bytes.h"
#include "sched/parallel.h"

enum { GRAIN_BYTES = 256 << 10, TASK_NS = 5000, BYTES_PER_NS = 2 };

/* --- elements in memory --- */

typedef struct span {
  char *data;
  int width;
} span;

static void swap_range(void *ctx, int64_t first, int64_t end) {
  const span *s = ctx;
  char *at = s->data + first * s->width;
  int64_t count = end - first;
  for (int64_t i = 0; s->width == 2 && i < count; i++) {
    uint16_t v;
    memcpy(&v, at + 2 * i, 2);
    v = __builtin_bswap16(v);
    memcpy(at + 2 * i, &v, 2);
  }
  for (int64_t i = 0; s->width == 4 && i < count; i++) {
    uint32_t v;
    memcpy(&v, at + 4 * i, 4);
    v = __builtin_bswap32(v);
    memcpy(at + 4 * i, &v, 4);
  }
  for (int64_t i = 0; s->width == 8 && i < count; i++) {
    uint64_t v;
    memcpy(&v, at + 8 * i, 8);
    v = __builtin_bswap64(v);
    memcpy(at + 8 * i, &v, 8);
  }
}

void hr_swap_bytes(void *data, uint64_t bytes, int width) {
  span s = {data, width};
  if (width > 1) hr_parallel_range((int64_t)(bytes / (uint64_t)width), GRAIN_BYTES / width, swap_range, &s);
}

int hr_number_bytes(hr_dtype dtype) { return dtype == HR_COMPLEX64 ? 4 : hr_dtype_bytes[dtype]; }

/* Any byte but 0 is true. */
static void bool_range(void *ctx, int64_t first, int64_t end) {
  const span *s = ctx;
  for (int64_t i = first; i < end; i++) s->data[i] = s->data[i] != 0;
}

/* --- the operations --- */

typedef struct load_attrs {
  hr_source *source;
  uint64_t offset, bytes;
  bool swap;
  hr_load_fn decode;
  const void *arg;          /* of decode */
  const hr_layout *layouts; /* for infer() only */
  int out_count;
} load_attrs;

static hr_status load_infer(hr_layout *out, const hr_op_call *call) {
  const load_attrs *attrs = call->attrs;
  for (int i = 0; i < attrs->out_count; i++) out[i] = attrs->layouts[i];
  return HR_OK;
}

static void load_deinit(void *attrs) { hr_source_release(((load_attrs *)attrs)->source); }

/* A guess for files in memory; it does not depend on where they are. */
static uint64_t load_cost(const hr_op_call *call, hr_array *const *out) {
  (void)out;
  return TASK_NS + ((const load_attrs *)call->attrs)->bytes / BYTES_PER_NS;
}

static hr_status load_run(const hr_run *run) {
  const load_attrs *attrs = run->attrs;
  hr_array *out = run->out[0];
  hr_status status = hr_run_output(run, 0);
  if (status != HR_OK || !out) return status;
  char *data = hr_array_data(out);
  status = hr_source_read(attrs->source, data, attrs->bytes, attrs->offset, "the array");
  if (status != HR_OK) return status;
  hr_dtype dtype = hr_array_dtype(out);
  if (attrs->swap) hr_swap_bytes(data, attrs->bytes, hr_number_bytes(dtype));
  span s = {data, 1};
  if (dtype == HR_BOOL) hr_parallel_range(out->size, GRAIN_BYTES, bool_range, &s);
  return HR_OK;
}

static hr_status decode_run(const hr_run *run) {
  const load_attrs *attrs = run->attrs;
  hr_buffer *raw = NULL;
  hr_status status = HR_OK;
  for (int i = 0; i < run->out_count; i++) HR_TRY(hr_run_output(run, i));
  HR_TRY(hr_buffer_new(&raw, attrs->bytes));
  HR_TRY(hr_source_read(attrs->source, raw->data, attrs->bytes, attrs->offset, "the array"));
  attrs->decode(run->out, raw->data, attrs->bytes, attrs->arg);
done:
  hr_buffer_release(raw);
  return status;
}

#define LOAD_OP(count, run_fn)                                                                                      \
  {                                                                                                                 \
    .name = "load", .arity = 0, .outputs = count, .traits = HR_OP_FOREIGN | HR_OP_USER,                             \
    .attrs_size = sizeof(load_attrs), .infer = load_infer, .attrs_deinit = load_deinit, .cost = load_cost, .run = { \
      run_fn                                                                                                        \
    }                                                                                                               \
  }
static const hr_op op_load = LOAD_OP(1, load_run), op_decode = LOAD_OP(0, decode_run);

/* What was read on the stream of a reader, on the stream that it was asked for (D2). */
static hr_status hand_over_infer(hr_layout *out, const hr_op_call *call) {
  hr_array_layout(out, call->in[0]);
  return HR_OK;
}
static const hr_op op_hand_over = {
    .name = "load", .arity = 1, .outputs = 1, .traits = HR_OP_VIEW, .infer = hand_over_infer};

/* Takes over the outputs, also on failure. */
static hr_status hand_over(hr_array **out, int count, hr_stream *s) {
  hr_status status = HR_OK;
  for (int i = 0; i < count; i++) {
    hr_array *read = out[i];
    out[i] = NULL;
    if (status == HR_OK) status = hr_apply(&out[i], &op_hand_over, &read, 1, NULL, s);
    hr_array_release(read);
  }
  for (int i = 0; status != HR_OK && i < count; i++) {
    hr_array_release(out[i]);
    out[i] = NULL;
  }
  return status;
}

static hr_status apply(hr_array **out, const hr_op *op, load_attrs *attrs, hr_stream *s) {
  hr_stream *stream = s;
  hr_io_file *file = attrs->source->file;
  hr_status status = file ? hr_io_file_stream(&stream, file) : HR_OK;
  if (status != HR_OK) return status;
  hr_source_retain(attrs->source);
  status = op->outputs ? hr_apply(out, op, NULL, 0, attrs, stream)
                       : hr_apply_many(out, attrs->out_count, op, NULL, 0, attrs, stream);
  return status == HR_OK && file ? hand_over(out, attrs->out_count, s) : status;
}

hr_status hr_load_array(hr_array **out, hr_source *source, const hr_load_plan *plan, const char *name, hr_stream *s) {
  uint64_t bytes = (uint64_t)plan->layout.size * hr_dtype_bytes[plan->layout.dtype];
  char quote[HR_QUOTE], what[HR_QUOTE + 16] = "the array";
  *out = NULL;
  if (name) snprintf(what, sizeof what, "array \"%s\"", hr_quote(quote, name, strlen(name)));
  hr_status status = hr_source_need(source, bytes, plan->offset, what);
  if (status != HR_OK) return status;
  bool swap = plan->big_endian != HR_BIG_ENDIAN_HOST;
  load_attrs attrs = {source, plan->offset, bytes, swap, NULL, NULL, &plan->layout, 1};
  return apply(out, &op_load, &attrs, s);
}

hr_status hr_load_decoded(hr_array **out, int out_count, const hr_layout *layouts, hr_source *source, uint64_t offset,
                          uint64_t bytes, hr_load_fn fn, const void *arg, hr_stream *s) {
  load_attrs attrs = {source, offset, bytes, HR_BIG_ENDIAN_HOST, fn, arg, layouts, out_count};
  return apply(out, &op_decode, &attrs, s);
}
