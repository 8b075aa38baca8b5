/* src/graph/op.h - what an operation is: one literal, in one file of src/ops.
 *
 * A builder in src/ops (hr_add, hr_sum, ...) checks its arguments, inserts casts, and calls hr_apply(). infer() fixes
 * dtype, shape and strides of each output at once (R17), so errors of shape and dtype surface there. Later, on a
 * stream, run[backend] fills the outputs. */
#ifndef HR_GRAPH_OP_H
#define HR_GRAPH_OP_H

#include "array/array.h"
#include "base/error.h"

typedef struct hr_stream hr_stream;
typedef struct hr_op hr_op;

typedef enum hr_backend { HR_BACKEND_CPU, HR_BACKEND_CUDA, HR_BACKEND_COUNT } hr_backend;

enum { HR_VARIADIC = -1 };

/* Traits: what other code asks of an op, instead of naming ops. */
enum {
  HR_OP_ELEMENTWISE = 1 << 0, /* each output element depends on the input elements of the same place after broadcast */
  HR_OP_VIEW = 1 << 1,        /* output 0 shares the buffer of input 0; run is not called */
  HR_OP_LINEAR = 1 << 2,      /* linear in all array inputs: its jvp is the op itself */
  HR_OP_FOREIGN = 1 << 3,     /* runs library or user code: never run by a thread that only helps (R12) */
  HR_OP_USER = 1 << 4,        /* runs user code, which may sleep (R15) */
};

/* One application, as infer() and the gradient rules see it. */
typedef struct hr_op_call {
  const hr_op *op;
  hr_array *const *in;
  int in_count;
  const void *attrs;
  hr_stream *stream;
} hr_op_call;

/* One application, as run() sees it: inputs have their buffers, outputs have layouts and no buffers yet.
 * The run function takes memory with hr_run_output() or hr_run_reuse(), then writes every element of every output. It
 * may fail (hr_fail) and never touches the inputs' memory otherwise. */
typedef struct hr_run {
  const hr_op *op;
  const void *attrs;
  hr_array *const *in;
  hr_array *const *out;
  int in_count, out_count;
} hr_run;

typedef hr_status (*hr_run_fn)(const hr_run *run);

struct hr_op {
  const char *name; /* as in MLX: "add" */
  int8_t arity;     /* number of inputs, or HR_VARIADIC */
  uint8_t outputs;  /* number of outputs; 0: given with each call */
  uint16_t traits;
  uint16_t attrs_size;
  uint16_t kernel; /* the family's own number for this op: which kernel of a table it is */
  /* Sets out[i].dtype, .shape, .strides (hr_layout_set for row-major) for each output. */
  hr_status (*infer)(hr_layout *out, const hr_op_call *call);
  /* Frees what attrs own; NULL where they are plain data. */
  void (*attrs_deinit)(void *attrs);
  /* Estimated time in ns on one core; NULL: from the bytes of inputs and outputs. Decides who may run it (R12). */
  uint64_t (*cost)(const hr_op_call *call, hr_array *const *out);
  hr_run_fn run[HR_BACKEND_COUNT];
  /* Places kept for what comes later: gradients, batching, equality of attrs, export. */
  hr_status (*vjp)(hr_array **out_grads, const hr_op_call *call, hr_array *const *out, hr_array *const *cotangents);
  hr_status (*jvp)(hr_array **out_tangents, const hr_op_call *call, hr_array *const *tangents);
  hr_status (*batch)(hr_array **out, int *out_axes, const hr_op_call *call, const int *in_axes);
  bool (*attrs_equal)(const void *a, const void *b);
};

/* Builds one application of op: infers, and makes the output arrays (out has room for the number of outputs; the caller
 * owns one reference each). Inputs are retained; attrs are copied (and owned, if the op has attrs_deinit: also on
 * failure). No lock, no system call, at most 100 ns. Any thread. */
hr_status hr_apply(hr_array **out, const hr_op *op, hr_array *const *in, int in_count, const void *attrs,
                   hr_stream *stream) HR_MUST_USE;
/* The same for ops with `outputs` 0. */
hr_status hr_apply_many(hr_array **out, int out_count, const hr_op *op, hr_array *const *in, int in_count,
                        const void *attrs, hr_stream *stream) HR_MUST_USE;

/* Inside run(): gives output i fresh memory. For row-major outputs that is their size. */
hr_status hr_run_output(const hr_run *run, int i) HR_MUST_USE;
/* The same, but takes over the memory of an input named in the bit mask `inputs` where that is its last use, and dtype
 * size, shape and strides are equal: for kernels that read element i before they write it. Results do not depend on
 * whether it happened. */
hr_status hr_run_reuse(const hr_run *run, int i, uint32_t inputs) HR_MUST_USE;

#endif
