/* src/cpu/fft_plan.c - see fft_plan.h: how plans are made and kept. */
#include "cpu/fft_plan.h"

#include <kissfft/kiss_fft.h>
#include <math.h>

#include "base/lock.h"
#include "base/memory.h"
#include "cpu/isa.h"

_Static_assert(sizeof(kiss_fft_cpx) == sizeof(hr_c64), "values pass as they are");

HR_ISA_DECLARE(hr_fft_kernels, hr_fft);

const hr_fft_kernels *hr_fft_kernels_get(void) {
  static const hr_fft_kernels *const kernels[] = HR_ISA_ROW(hr_fft);
  return kernels[hr_isa_level()];
}

/* --- lengths --- */

/* n without its factors 2, 3 and 5. */
static int64_t without_small(int64_t n) {
  for (int p = 2; p <= 5; p++)
    while (n % p == 0) n /= p;
  return n;
}

/* The least factor of n that the odd step takes, or 0. n has none of 2, 3 and 5. */
static int odd_factor(int64_t n) {
  for (int p = 7; p <= HR_FFT_LARGEST_PRIME; p += 2)
    if (n % p == 0) return p;
  return 0;
}

static bool is_smooth(int64_t n) {
  n = without_small(n);
  for (int p; (p = odd_factor(n)) != 0;) n /= p;
  return n == 1;
}

/* The least 2^a 3^b 5^c >= n, a power of two if nothing smaller is. */
static int64_t padded_length(int64_t n) {
  int64_t best = 1;
  while (best < n) best *= 2;
  for (int64_t five = 1; five < best; five *= 5)
    for (int64_t three = five; three < best; three *= 3) {
      int64_t length = three;
      while (length < n) length *= 2;
      if (length < best) best = length;
    }
  return best;
}

/* The greatest divisor up to the root of n. */
static int64_t near_root(int64_t n) {
  int64_t d = (int64_t)sqrt((double)n);
  while (d * d > n || n % d) d--;
  return d;
}

/* --- making --- */

static hr_status no_memory(int64_t n) {
  return hr_fail(HR_OUT_OF_MEMORY, "no memory for a plan of length %lld", (long long)n);
}

static hr_status plan_get(hr_fft_plan **out, int64_t n, int sign, bool may_be_long);

/* As few steps as there can be, and no twos where two fours do. */
static void set_radices(hr_fft_steps *steps, int64_t n) {
  static const uint8_t radices[] = {8, 4, 2, 3, 5};
  int twos = __builtin_ctzll((uint64_t)n), fours = twos % 3 == 1 && twos > 1 ? 2 : 0;
  for (int i = 0; i < fours; i++, n /= 4) steps->radix[steps->count++] = 4;
  for (int i = 0; i < 5; i++)
    for (; n % radices[i] == 0; n /= radices[i]) steps->radix[steps->count++] = radices[i];
}

static hr_status make_steps(hr_fft_plan *plan, hr_fft_steps *steps, int64_t n) {
  int64_t count = 0, m = n;
  steps->twiddles = hr_alloc(sizeof *steps->twiddles * (size_t)(2 * n)); /* a step has fewer than m r of them */
  if (!steps->twiddles) return no_memory(plan->n);
  steps->n = n;
  steps->sign = plan->sign;
  set_radices(steps, n);
  for (int i = 0; i < steps->count; i++) {
    int r = steps->radix[i];
    m /= r;
    for (int64_t p = 0; p < m; p++)
      for (int k = 1; k < r; k++) steps->twiddles[count++] = hr_fft_root(p * k, r * m, plan->sign);
  }
  plan->bytes += 2 * n * (int64_t)sizeof *steps->twiddles;
  return HR_OK;
}

/* For rows alone: the first step's twiddles, and the other steps. */
static hr_status make_along(hr_fft_plan *plan) {
  enum { LANES = HR_FFT_LANES };
  int64_t m = plan->n / LANES;
  int64_t bytes = plan->n * (int64_t)sizeof(hr_c64);
  if (plan->n % (LANES * LANES)) return HR_OK;
  float *to = plan->along_twiddles = hr_alloc((size_t)bytes);
  if (!to) return no_memory(plan->n);
  for (int64_t p = 0; p < m; p += LANES)
    for (int k = 1; k < LANES; k++, to += 2 * LANES)
      for (int i = 0; i < LANES; i++) {
        hr_c64 root = hr_fft_root((p + i) * k, plan->n, plan->sign);
        to[i] = root.re, to[LANES + i] = root.im;
      }
  plan->bytes += bytes;
  plan->scratch = 2 * plan->n;
  plan->ns /= 4;
  return make_steps(plan, &plan->along, m);
}

static hr_status make_kiss(hr_fft_plan *plan) {
  size_t bytes = 0;
  (void)kiss_fft_alloc((int)plan->n, plan->sign > 0, NULL, &bytes);
  plan->kiss = hr_alloc(bytes);
  if (!plan->kiss) return no_memory(plan->n);
  (void)kiss_fft_alloc((int)plan->n, plan->sign > 0, plan->kiss, &bytes);
  plan->bytes = (int64_t)bytes;
  plan->ns = 20 + (int64_t)(0.65 * (double)plan->n * log2((double)plan->n));
  hr_status status = make_along(plan);
  if (status != HR_OK || plan->n > HR_FFT_SIDE_LONGEST) return status;
  return make_steps(plan, &plan->steps, plan->n);
}

static hr_status make_odd(hr_fft_plan *plan, int p) {
  hr_status status = plan_get(&plan->sub, plan->n / p, plan->sign, false);
  if (status != HR_OK) return status;
  int64_t m = plan->n / p;
  plan->p = p;
  plan->bytes = (plan->n + p) * (int64_t)sizeof *plan->twiddles;
  plan->twiddles = hr_alloc((size_t)plan->bytes);
  if (!plan->twiddles) return no_memory(plan->n);
  for (int r = 0; r < p; r++) {
    plan->twiddles[plan->n + r] = hr_fft_root(r, p, plan->sign);
    for (int64_t i = 0; i < m; i++) plan->twiddles[r * m + i] = hr_fft_root(r * i, plan->n, plan->sign);
  }
  plan->scratch = plan->n + plan->sub->scratch;
  plan->ns = p * plan->sub->ns + plan->n * p / 8 + 50 * p;
  return HR_OK;
}

/* e^(sign pi i k^2 / n). */
static hr_c64 chirp_value(int64_t k, int64_t n, int sign) {
  uint64_t square = (uint64_t)k * (uint64_t)k % (uint64_t)(2 * n);
  return hr_fft_root((int64_t)square, 2 * n, sign);
}

/* The filter is the conjugate chirp, wrapped around, transformed, conjugated and divided by its length. */
static hr_status make_filter(hr_fft_plan *plan) {
  hr_status status = HR_OK;
  int64_t n = plan->n, padded = plan->padded;
  hr_c64 *wrapped = hr_alloc_zero(sizeof *wrapped * (size_t)padded);
  if (!wrapped) return no_memory(n);
  for (int64_t k = 0; k < n; k++) {
    hr_c64 value = {plan->twiddles[k].re, -plan->twiddles[k].im};
    wrapped[k] = value;
    if (k) wrapped[padded - k] = value;
  }
  HR_TRY(hr_fft_run_long(plan->sub, wrapped, plan->filter));
  for (int64_t k = 0; k < padded; k++) {
    plan->filter[k].re /= (float)padded;
    plan->filter[k].im /= -(float)padded;
  }
done:
  hr_free(wrapped);
  return status;
}

static hr_status make_chirp(hr_fft_plan *plan) {
  plan->padded = padded_length(2 * plan->n - 1);
  hr_status status = plan_get(&plan->sub, plan->padded, -1, true);
  if (status != HR_OK) return status;
  plan->bytes = (plan->n + plan->padded) * (int64_t)sizeof *plan->twiddles;
  plan->twiddles = hr_alloc(sizeof *plan->twiddles * (size_t)plan->n);
  plan->filter = hr_alloc(sizeof *plan->filter * (size_t)plan->padded);
  if (!plan->twiddles || !plan->filter) return no_memory(plan->n);
  for (int64_t k = 0; k < plan->n; k++) plan->twiddles[k] = chirp_value(k, plan->n, plan->sign);
  plan->is_long = plan->sub->is_long;
  plan->scratch = 2 * plan->padded + plan->sub->scratch;
  plan->ns = 2 * plan->sub->ns + 3 * plan->padded;
  return make_filter(plan);
}

static hr_status make_square(hr_fft_plan *plan) {
  hr_status status;
  int64_t n1 = near_root(plan->n);
  plan->is_long = true;
  HR_TRY(plan_get(&plan->sub, n1, plan->sign, false));
  HR_TRY(plan_get(&plan->rows, plan->n / n1, plan->sign, false));
  HR_TRY(hr_fft_roots_init(&plan->powers, plan->n, plan->n, plan->sign));
  plan->bytes = hr_fft_roots_bytes(&plan->powers);
  plan->ns = plan->n / n1 * plan->sub->ns + n1 * plan->rows->ns + 10 * plan->n;
done:
  return status;
}

static hr_status fill_plan(hr_fft_plan *plan, bool may_be_long) {
  int64_t n = plan->n, rest = without_small(n);
  plan->kind = n == 1 ? HR_FFT_COPY : rest == 1 ? HR_FFT_KISS : is_smooth(n) ? HR_FFT_ODD : HR_FFT_CHIRP;
  if (may_be_long && n > HR_FFT_SHORT && plan->kind != HR_FFT_CHIRP) plan->kind = HR_FFT_SQUARE;
  switch (plan->kind) {
    case HR_FFT_KISS: return make_kiss(plan);
    case HR_FFT_ODD: return make_odd(plan, odd_factor(rest));
    case HR_FFT_CHIRP: return make_chirp(plan);
    case HR_FFT_SQUARE: return make_square(plan);
    case HR_FFT_COPY: break;
  }
  return HR_OK;
}

void hr_fft_plan_release(hr_fft_plan *plan) {
  if (!plan || hr_sub_acq_rel(&plan->refs, 1u) != 1) return;
  hr_fft_plan_release(plan->sub);
  hr_fft_plan_release(plan->rows);
  hr_fft_roots_deinit(&plan->powers);
  hr_free(plan->kiss);
  hr_free(plan->twiddles);
  hr_free(plan->filter);
  hr_free(plan->steps.twiddles);
  hr_free(plan->along.twiddles);
  hr_free(plan->along_twiddles);
  hr_free(plan);
}

static hr_status plan_new(hr_fft_plan **out, int64_t n, int sign, bool may_be_long) {
  hr_fft_plan *plan = hr_alloc_zero(sizeof *plan);
  *out = NULL;
  if (!plan) return no_memory(n);
  hr_store_relaxed(&plan->refs, 1u);
  plan->n = n;
  plan->sign = sign;
  hr_status status = fill_plan(plan, may_be_long);
  if (status == HR_OK)
    *out = plan;
  else
    hr_fft_plan_release(plan);
  return status;
}

/* --- keeping --- */

enum { KEPT = 64, KEPT_BYTES = 32 << 20 /* of one plan */, TRIES = 10000 };

/* Plans used lately; each owns one reference. Guarded by the lock, which is only tried: a child of a fork may find it
 * taken for ever, and then makes its plans anew. */
static hr_mutex kept_lock = HR_MUTEX_INIT;
static struct kept {
  hr_fft_plan *plan;
  bool may_be_long;
  uint64_t used;
} kept[KEPT];
static uint64_t uses;

static bool try_lock(void) {
  for (int i = 0; i < TRIES; i++) {
    if (hr_mutex_try_lock(&kept_lock)) return true;
    hr_cpu_relax();
  }
  return false;
}

static hr_fft_plan *find_kept(int64_t n, int sign, bool may_be_long) {
  hr_fft_plan *found = NULL;
  if (!try_lock()) return NULL;
  for (int i = 0; i < KEPT && !found; i++) {
    if (!kept[i].plan || kept[i].plan->n != n || kept[i].plan->sign != sign || kept[i].may_be_long != may_be_long)
      continue;
    kept[i].used = ++uses;
    found = kept[i].plan;
    hr_add_relaxed(&found->refs, 1u);
  }
  hr_mutex_unlock(&kept_lock);
  return found;
}

/* In the place of the one that was used longest ago. */
static void keep(hr_fft_plan *plan, bool may_be_long) {
  if (plan->bytes > KEPT_BYTES || !try_lock()) return;
  int oldest = 0;
  for (int i = 1; i < KEPT; i++)
    if (kept[i].used < kept[oldest].used) oldest = i;
  hr_fft_plan *dropped = kept[oldest].plan;
  hr_add_relaxed(&plan->refs, 1u);
  kept[oldest] = (struct kept){plan, may_be_long, ++uses};
  hr_mutex_unlock(&kept_lock);
  hr_fft_plan_release(dropped);
}

static hr_status plan_get(hr_fft_plan **out, int64_t n, int sign, bool may_be_long) {
  *out = find_kept(n, sign, may_be_long);
  if (*out) return HR_OK;
  hr_status status = plan_new(out, n, sign, may_be_long);
  if (status == HR_OK) keep(*out, may_be_long);
  return status;
}

hr_status hr_fft_plan_get(hr_fft_plan **out, int64_t n, int sign) { return plan_get(out, n, sign, true); }
