/* src/cpu/pointwise.c - runs the elementwise ops: which kernel, which conversions, then one pass. */
#include "cpu/elementwise.h"
#include "ops/op_list.h"

static hr_status no_kernel(const hr_run *run) {
  return hr_fail(HR_UNSUPPORTED, "no kernel for %s", hr_dtype_names[hr_array_dtype(run->in[0])]);
}

/* Results that are not of the dtype computed in (bool of a comparison, float32 of a complex number) come as they are.
 */
static hr_dtype result_of(hr_dtype compute, const hr_array *out) {
  hr_dtype d = hr_array_dtype(out);
  return hr_dtype_compute(d) == compute ? compute : d;
}

static hr_status run_pass(const hr_run *run, hr_kernel kernel, hr_dtype compute) {
  hr_pass pass;
  hr_array *out = run->out[0];
  if (!kernel) return no_kernel(run);
  hr_status status = hr_run_reuse(run, 0, (1u << run->in_count) - 1);
  if (status != HR_OK) return status;
  hr_pass_init(&pass, kernel, compute, result_of(compute, out), out, run->in, run->in_count);
  hr_pass_run(&pass, out, run->in);
  return HR_OK;
}

/* Half types are computed in float32 where they have no kernel of their own. */
hr_status hr_cpu_unary(const hr_run *run) {
  hr_unary op = (hr_unary)run->op->kernel;
  hr_dtype dtype = hr_array_dtype(run->in[0]), compute = hr_dtype_compute(dtype);
  hr_kernel own = hr_kernel_unary(op, dtype);
  return own ? run_pass(run, own, dtype) : run_pass(run, hr_kernel_unary(op, compute), compute);
}

hr_status hr_cpu_binary(const hr_run *run) {
  hr_binary op = (hr_binary)run->op->kernel;
  hr_dtype dtype = hr_array_dtype(run->in[0]), compute = hr_dtype_compute(dtype);
  hr_kernel own = hr_kernel_binary(op, dtype);
  return own ? run_pass(run, own, dtype) : run_pass(run, hr_kernel_binary(op, compute), compute);
}

/* The cast is the kernel itself: from the input's dtype to the output's. */
hr_status hr_cpu_cast(const hr_run *run) {
  hr_pass pass;
  hr_array *out = run->out[0];
  hr_dtype from = hr_array_dtype(run->in[0]), to = hr_array_dtype(out);
  hr_status status = hr_run_reuse(run, 0, 1);
  if (status != HR_OK) return status;
  hr_pass_init(&pass, hr_kernel_cast(from, to), from, to, out, run->in, 1);
  hr_pass_run(&pass, out, run->in);
  return HR_OK;
}

/* Nothing looks at the values: what counts is their size. */
hr_status hr_cpu_select(const hr_run *run) {
  hr_array *out = run->out[0];
  hr_status status = hr_run_reuse(run, 0, 6);
  if (status != HR_OK) return status;
  int64_t bytes = (int64_t)hr_array_itemsize(out);
  hr_pass pass = {.kernel = hr_kernels_move((size_t)bytes)->select, .inputs = 3, .result_bytes = bytes};
  for (int k = 0; k < 3; k++) pass.wide_bytes[k] = (int64_t)hr_array_itemsize(run->in[k]);
  hr_pass_run(&pass, out, run->in);
  return HR_OK;
}
