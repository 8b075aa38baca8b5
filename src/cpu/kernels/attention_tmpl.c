/* src/cpu/kernels/attention_tmpl.c - see attention.h. */
/* hr-dtypes: f32 f64 */
#include "cpu/kernels/attention.h"

#include <float.h>

#include "cpu/kernels/elem.h"
#include "cpu/kernels/vexp.h"
#include "cpu/kernels/vexp64.h"

enum { LANES = 64 };

#if HR_ELEM_CODE == HR_CODE_f64
#define LEAST (-DBL_MAX)
HR_INLINE double exponential(double x) { return hr_vexp64(x); }
#else
#define LEAST (-FLT_MAX)
HR_INLINE float exponential(float x) { return hr_vexpf(x); }
#endif

HR_INLINE hr_elem greater(hr_elem a, hr_elem b) { return a > b ? a : b; }

HR_INLINE hr_elem greatest(const hr_elem *x, int64_t n) {
  hr_elem lanes[LANES];
  for (int k = 0; k < LANES; k++) lanes[k] = -__builtin_inff();
  for (; n >= LANES; n -= LANES, x += LANES)
    for (int k = 0; k < LANES; k++) lanes[k] = greater(x[k], lanes[k]);
  for (int k = 0; k < n; k++) lanes[k] = greater(x[k], lanes[k]);
  for (int half = LANES / 2; half > 0; half /= 2)
    for (int k = 0; k < half; k++) lanes[k] = greater(lanes[k + half], lanes[k]);
  return lanes[0];
}

/* LANES elements. */
HR_INLINE void exponentials(hr_elem *x, hr_elem shift) {
#if HR_ISA_LEVEL == 2 && HR_ELEM_CODE != HR_CODE_f64
  __m512 back = _mm512_set1_ps(shift);
  for (int k = 0; k < LANES; k += 16) _mm512_storeu_ps(x + k, hr_vexp16(_mm512_sub_ps(_mm512_loadu_ps(x + k), back)));
#else
  for (int k = 0; k < LANES; k++) x[k] = exponential(x[k] - shift);
#endif
}

HR_INLINE hr_elem sum_of_powers(hr_elem *x, int64_t n, hr_elem shift) {
  hr_elem lanes[LANES] = {0};
  for (; n >= LANES; n -= LANES, x += LANES) {
    exponentials(x, shift);
    for (int k = 0; k < LANES; k++) lanes[k] += x[k];
  }
  for (int k = 0; k < n; k++) {
    x[k] = exponential(x[k] - shift);
    lanes[k] += x[k];
  }
  for (int half = LANES / 2; half > 0; half /= 2)
    for (int k = 0; k < half; k++) lanes[k] += lanes[k + half];
  return lanes[0];
}

static double powers(void *scores, int64_t n, hr_attention_state *state) {
  hr_elem before = (hr_elem)state->greatest, most = greater(greatest(scores, n), before);
  hr_elem shift = most - most == 0 ? most : 0, factor = before == most ? 1 : exponential(before - shift);
  hr_elem sum = sum_of_powers(scores, n, shift);
  state->greatest = most;
  state->sum = state->sum * factor + sum;
  return factor;
}

static void scale(void *x, int64_t n, double factor) {
  hr_elem *to = x, by = (hr_elem)factor;
  for (int64_t i = 0; i < n; i++) to[i] *= by;
}

static void blend(void *x, const void *y, int64_t n, double factor_x, double factor_y) {
  hr_elem *to = x, a = (hr_elem)factor_x, b = (hr_elem)factor_y;
  const hr_elem *from = y;
  HR_VECTOR_LOOP for (int64_t i = 0; i < n; i++) to[i] = to[i] * a + from[i] * b;
}

static void hide(void *scores, int64_t n) {
  for (int64_t i = 0; i < n; i++) ((hr_elem *)scores)[i] = LEAST;
}

const hr_attention_kernels HR_NAME(hr_attention) = {.powers = powers, .scale = scale, .blend = blend, .hide = hide};
