/* src/cpu/kernels/complex_tmpl.c - arithmetic of complex64 on the parts as floats, which the compiler makes vector code
 * of. The rest is in cpu/complex.c. */
/* hr-dtypes: c64 */
#include <math.h>

#include "cpu/kernels/elem.h"
#include "cpu/kernels/elementwise.h"

enum { BLOCK = 64 };

typedef struct parts {
  float re, im;
} parts;
typedef parts (*op_fn)(parts x, parts y);

/* Scalar operands are spread over a block first. */
HR_INLINE void map(parts *out, const void *const *in, int64_t n, unsigned scalars, op_fn op) {
  parts spread[2][BLOCK];
  for (int k = 0; k < 2 && n > 0; k++)
    for (int i = 0; i < BLOCK && scalars >> k & 1; i++) spread[k][i] = *(const parts *)in[k];
  for (int64_t first = 0; first < n; first += BLOCK) {
    int64_t count = n - first < BLOCK ? n - first : BLOCK;
    const parts *x = scalars & 1 ? spread[0] : (const parts *)in[0] + first;
    const parts *y = scalars & 2 ? spread[1] : (const parts *)in[1] + first;
    HR_VECTOR_LOOP for (int64_t i = 0; i < count; i++) out[first + i] = op(x[i], y[i]);
  }
}

#define MAP(name)                                                                         \
  static void run_##name(void *out, const void *const *in, int64_t n, unsigned scalars) { \
    map(out, in, n, scalars, name);                                                       \
  }

HR_INLINE parts add(parts x, parts y) { return (parts){x.re + y.re, x.im + y.im}; }
HR_INLINE parts subtract(parts x, parts y) { return (parts){x.re - y.re, x.im - y.im}; }
MAP(add)
MAP(subtract)

/* The textbook formula: NaN where it meets infinities, as in NumPy. The parts in arrays of their own: interleaved, GCC
 * would see alternate sums and differences and fuse the products into them, whatever -ffp-contract says. */
static void run_multiply(void *out, const void *const *in, int64_t n, unsigned scalars) {
  const parts *a = in[0], *b = in[1];
  parts *to = out;
  for (int64_t first = 0; first < n; first += BLOCK) {
    int64_t count = n - first < BLOCK ? n - first : BLOCK;
    float re[BLOCK], im[BLOCK];
    parts x[BLOCK], y[BLOCK];
    for (int64_t i = 0; i < count; i++) x[i] = a[scalars & 1 ? 0 : first + i];
    for (int64_t i = 0; i < count; i++) y[i] = b[scalars & 2 ? 0 : first + i];
    for (int64_t i = 0; i < count; i++) re[i] = x[i].re * y[i].re - x[i].im * y[i].im;
    for (int64_t i = 0; i < count; i++) im[i] = x[i].re * y[i].im + x[i].im * y[i].re;
    for (int64_t i = 0; i < count; i++) to[first + i] = (parts){re[i], im[i]};
  }
}

/* In float64, where no square of a float overflows or vanishes. Quotients with a NaN may be infinities or zeros by C's
 * annex G: those the compiler's own division finds. */
static void run_divide(void *out, const void *const *in, int64_t n, unsigned scalars) {
  const parts *a = in[0], *b = in[1];
  for (int64_t first = 0; first < n; first += BLOCK) {
    int64_t count = n - first < BLOCK ? n - first : BLOCK;
    parts x[BLOCK], y[BLOCK], z[BLOCK];
    float re[BLOCK], im[BLOCK];
    double size[BLOCK];
    int nan = 0;
    for (int64_t i = 0; i < count; i++) x[i] = a[scalars & 1 ? 0 : first + i];
    for (int64_t i = 0; i < count; i++) y[i] = b[scalars & 2 ? 0 : first + i];
    for (int64_t i = 0; i < count; i++) size[i] = (double)y[i].re * y[i].re + (double)y[i].im * y[i].im;
    for (int64_t i = 0; i < count; i++)
      re[i] = (float)(((double)x[i].re * y[i].re + (double)x[i].im * y[i].im) / size[i]);
    for (int64_t i = 0; i < count; i++)
      im[i] = (float)(((double)x[i].im * y[i].re - (double)x[i].re * y[i].im) / size[i]);
    for (int64_t i = 0; i < count; i++) z[i] = (parts){re[i], im[i]};
    for (int64_t i = 0; i < count; i++) nan |= (z[i].re != z[i].re) | (z[i].im != z[i].im);
    for (int64_t i = 0; i < count && nan; i++) {
      if (z[i].re == z[i].re && z[i].im == z[i].im) continue;
      float _Complex over, under;
      memcpy(&over, &x[i], sizeof over);
      memcpy(&under, &y[i], sizeof under);
      double _Complex exact = (double _Complex)over / (double _Complex)under;
      z[i] = (parts){(float)__real__ exact, (float)__imag__ exact};
    }
    memcpy((parts *)out + first, z, (size_t)count * sizeof *z);
  }
}

static void run_magnitude(void *out, const void *const *in, int64_t n, unsigned scalars) {
  const parts *from = in[0];
  float *to = out;
  (void)scalars;
  for (int64_t i = 0; i < n; i++) {
    double a = from[i].re, b = from[i].im;
    float size = (float)__builtin_sqrt(a * a + b * b);
    int endless = (__builtin_fabs(a) == __builtin_inf()) | (__builtin_fabs(b) == __builtin_inf());
    to[i] = endless ? __builtin_inff() : size; /* also beside NaN */
  }
}

extern const hr_unary_kernels HR_NAME(hr_unary);
const hr_unary_kernels HR_NAME(hr_unary) = {.run = {[HR_UNARY_ABS] = run_magnitude}};

extern const hr_binary_kernels HR_NAME(hr_binary);
const hr_binary_kernels HR_NAME(hr_binary) = {
    .run =
        {
            [HR_BINARY_ADD] = run_add,
            [HR_BINARY_SUBTRACT] = run_subtract,
            [HR_BINARY_MULTIPLY] = run_multiply,
            [HR_BINARY_DIVIDE] = run_divide,
            [HR_BINARY_FLOOR_DIVIDE] = run_divide, /* as in MLX: complex numbers have no floor */
        },
};
