/* src/cpu/random_erf.c - the error function by which truncated normal numbers find their range.
 *
 * Formula 7.1.26 of Abramowitz and Stegun, Handbook of Mathematical Functions: absolute error 1.5e-7, here 4.3e-7.
 * hr_erf() is nearer, but far out one unit of the last place of a bound moves the numbers beside it by more than a
 * hundred, and this formula in this order of operations gives MLX's bounds to the bit. */
#include <math.h>

#include "cpu/elementwise.h"
#include "ops/op_list.h"

/* For x in [-100, 0]: 2^(x / ln 2) = 2^n 2^r, r in [-1/2, 1/2], with the polynomial of Cephes exp2f (Moshier). */
static float exponential(float x) {
  static const float p[] = {1.535336188319500e-4f,
                            1.339887440266574e-3f,
                            9.618437357674640e-3f,
                            5.550332471162809e-2f,
                            2.402264791363012e-1f,
                            6.931472028550421e-1f,
                            1.0f};
  float power = x * 1.44269504f, whole = rintf(power), r = power - whole, y = p[0];
  for (int i = 1; i < 7; i++) y = fmaf(y, r, p[i]);
  return ldexpf(y, (int)whole);
}

static float erf_of(float x) {
  static const float a[] = {1.061405429f, -1.453152027f, 1.421413741f, -0.284496736f, 0.254829592f};
  float size = fabsf(x);
  if (!(size < 10)) return x == x ? copysignf(1, x) : x;
  float t = 1 / fmaf(size, 0.3275911f, 1), y = a[0];
  for (int i = 1; i < 5; i++) y = fmaf(y, t, a[i]);
  return copysignf(fmaf(-y, t * exponential(-size * size), 1), x);
}

static void erf_run(void *out, const void *const *in, int64_t n, unsigned scalars) {
  (void)scalars;
  for (int64_t i = 0; i < n; i++) ((float *)out)[i] = erf_of(((const float *)in[0])[i]);
}

hr_status hr_cpu_random_erf(const hr_run *run) {
  hr_pass pass;
  hr_status status = hr_run_output(run, 0);
  if (status != HR_OK) return status;
  hr_pass_init(&pass, erf_run, HR_FLOAT32, HR_FLOAT32, run->out[0], run->in, 1);
  hr_pass_run(&pass, run->out[0], run->in);
  return HR_OK;
}
