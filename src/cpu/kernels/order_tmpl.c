/* src/cpu/kernels/order_tmpl.c - see order.h. */
/* hr-dtypes: u32 u64 */
#include "cpu/kernels/order.h"

#include "cpu/kernels/elem.h"

static int64_t count_below(const void *items, int64_t n, uint64_t pivot) {
  const hr_elem *x = items;
  hr_elem p = (hr_elem)pivot;
  int64_t count = 0;
  for (int64_t i = 0; i < n;) {
    hr_elem part = 0; /* as wide as the items, for the vectoriser */
    for (int64_t end = n - i < 1 << 16 ? n : i + (1 << 16); i < end; i++) part += x[i] < p;
    count += (int64_t)part;
  }
  return count;
}

#if HR_ISA_LEVEL == 2

#include <immintrin.h>

/* Quicksort whose parting moves a vector of items at a time by compressing it (Bramas, A novel hybrid quicksort
 * algorithm vectorized using AVX-512, 2017), down to what sixteen registers hold. These are sorted as the columns of a
 * matrix by a network, then the columns are merged by bitonic steps (Batcher 1968), all of them side by side (Blacher
 * et al., Vectorized and performance-portable quicksort, 2022). */

#if HR_ELEM_CODE == HR_CODE_u32
#define V(name)         _mm512_##name##_epi32
#define VU(name)        _mm512_##name##_epu32
#define BELOW(in, a, b) _mm512_mask_cmplt_epu32_mask(in, a, b)
#define SET(x)          _mm512_set1_epi32((int)(x))
#define IOTA            _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)
typedef __mmask16 mask;
#else
#define V(name)         _mm512_##name##_epi64
#define VU(name)        _mm512_##name##_epu64
#define BELOW(in, a, b) _mm512_mask_cmplt_epu64_mask(in, a, b)
#define SET(x)          _mm512_set1_epi64((long long)(x))
#define IOTA            _mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0)
typedef __mmask8 mask;
#endif
typedef __m512i vec;

enum { LANES = 64 / sizeof(hr_elem), REGISTERS = 16, SMALL = REGISTERS * LANES };

HR_INLINE mask first_lanes(int64_t n) { return n >= LANES ? (mask)-1 : (mask)((1u << n) - 1); }
HR_INLINE vec lanes_xor(int bits) { return _mm512_xor_si512(IOTA, SET(bits)); }
/* Lanes in whose number the bit is set. */
HR_INLINE mask lanes_with(int bit) {
  return (mask)(bit == 1 ? 0xaaaa : bit == 2 ? 0xcccc : bit == 4 ? 0xf0f0 : 0xff00);
}

/* What is left of a and b when `low` is one of them: on another port than minimum and maximum, which share one. */
HR_INLINE vec other_of(vec a, vec b, vec low) { return V(ternarylogic)(a, b, low, 0x96); }

HR_INLINE void order(vec *a, vec *b) {
  vec low = VU(min)(*a, *b);
  *b = other_of(*a, *b, low);
  *a = low;
}

/* Each column of r registers: networks of Knuth, The Art of Computer Programming 3, 5.3.4. */
#define C(i, j) order(&v[i], &v[j])
HR_INLINE void sort_columns(vec *v, int r) {
  if (r == 2) {
    C(0, 1);
  } else if (r == 4) {
    C(0, 2), C(1, 3), C(0, 1), C(2, 3), C(1, 2);
  } else if (r == 8) {
    C(0, 2), C(1, 3), C(4, 6), C(5, 7), C(0, 4), C(1, 5), C(2, 6), C(3, 7), C(0, 1), C(2, 3);
    C(4, 5), C(6, 7), C(2, 4), C(3, 5), C(1, 4), C(3, 6), C(1, 2), C(3, 4), C(5, 6);
  } else if (r == 16) {
    C(0, 13), C(1, 12), C(2, 15), C(3, 14), C(4, 8), C(5, 6), C(7, 11), C(9, 10), C(0, 5), C(1, 7), C(2, 9), C(3, 4);
    C(6, 13), C(8, 14), C(10, 15), C(11, 12), C(0, 1), C(2, 3), C(4, 5), C(6, 8), C(7, 9), C(10, 11), C(12, 13);
    C(14, 15), C(0, 2), C(1, 3), C(4, 10), C(5, 11), C(6, 7), C(8, 9), C(12, 14), C(13, 15), C(1, 2), C(3, 12);
    C(4, 6), C(5, 7), C(8, 10), C(9, 11), C(13, 14), C(1, 4), C(2, 6), C(5, 8), C(7, 10), C(9, 13), C(11, 14);
    C(2, 4), C(3, 6), C(9, 12), C(11, 13), C(3, 5), C(6, 8), C(7, 9), C(10, 12), C(3, 4), C(5, 6), C(7, 8);
    C(9, 10), C(11, 12), C(6, 7), C(8, 9);
  }
}
#undef C

/* Each lane with the one `distance` away: the lesser to the lower lane. */
HR_INLINE void order_lanes(vec *v, int r, vec partner, mask upper) {
#pragma GCC unroll 16
  for (int i = 0; i < r; i++) {
    vec other = V(permutexvar)(partner, v[i]);
    v[i] = V(mask_ternarylogic)(VU(min)(v[i], other), upper, v[i], other, 0x96);
  }
}

/* Sorted groups of g columns to sorted groups of 2 g. A group goes down its first column, then its second and so on.
 * The first step compares the first group's items with the second's in reverse. */
HR_INLINE void merge_columns(vec *v, int r, int g) {
  vec reverse = lanes_xor(2 * g - 1);
  if (r == 1) order_lanes(v, 1, reverse, lanes_with(g));
#pragma GCC unroll 8
  for (int i = 0; i < r / 2; i++) {
    vec other = V(permutexvar)(reverse, v[r - 1 - i]);
    vec low = VU(min)(v[i], other), high = other_of(v[i], other, low);
    v[i] = V(mask_permutexvar)(low, lanes_with(g), reverse, high);
    v[r - 1 - i] = V(mask_permutexvar)(high, (mask)~lanes_with(g), reverse, low);
  }
#pragma GCC unroll 4
  for (int d = g / 2; d > 0; d /= 2) order_lanes(v, r, lanes_xor(d), lanes_with(d));
#pragma GCC unroll 4
  for (int d = r / 2; d > 0; d /= 2)
#pragma GCC unroll 16
    for (int i = 0; i < r; i++)
      if (!(i & d)) order(&v[i], &v[i + d]);
}

/* Columns to rows: each round interleaves the first half of the registers with the second. */
HR_INLINE void transpose(vec *v, int r) {
  vec half = V(srli)(IOTA, 1), second = V(slli)(_mm512_and_si512(IOTA, SET(1)), HR_ELEM_CODE == HR_CODE_u32 ? 4 : 3);
  vec low = _mm512_or_si512(half, second), high = V(add)(low, SET(LANES / 2));
#pragma GCC unroll 4
  for (int round = 1; round < r; round *= 2) {
    vec from[REGISTERS];
#pragma GCC unroll 16
    for (int i = 0; i < r; i++) from[i] = v[i];
#pragma GCC unroll 8
    for (int i = 0; i < r / 2; i++) {
      v[2 * i] = V(permutex2var)(from[i], low, from[i + r / 2]);
      v[2 * i + 1] = V(permutex2var)(from[i], high, from[i + r / 2]);
    }
  }
}

/* At most r * LANES items, filled up with the greatest there are. */
HR_INLINE void sort_registers(hr_elem *to, const hr_elem *items, int64_t n, int r) {
  vec v[REGISTERS];
#pragma GCC unroll 16
  for (int i = 0; i < r; i++) {
    int64_t left = n - i * LANES;
    v[i] = V(mask_loadu)(SET(~(hr_elem)0), first_lanes(left > 0 ? left : 0), items + i * LANES);
  }
  sort_columns(v, r);
#pragma GCC unroll 4
  for (int g = 1; g < LANES; g *= 2) merge_columns(v, r, g);
  transpose(v, r);
#pragma GCC unroll 16
  for (int i = 0; i < r; i++) {
    int64_t left = n - i * LANES;
    V(mask_storeu)(to + i * LANES, first_lanes(left > 0 ? left : 0), v[i]);
  }
}

static __attribute__((noinline)) void sort_small(hr_elem *to, const hr_elem *items, int64_t n) {
  if (n > 8 * LANES)
    sort_registers(to, items, n, 16);
  else if (n > 4 * LANES)
    sort_registers(to, items, n, 8);
  else if (n > 2 * LANES)
    sort_registers(to, items, n, 4);
  else if (n > LANES)
    sort_registers(to, items, n, 2);
  else
    sort_registers(to, items, n, 1);
}

/* Whole vectors are stored, and never beyond what was read: as many items at least have been taken out before. */
static int64_t part(const void *from, int64_t n, uint64_t pivot, void *to_low, void *to_high) {
  const hr_elem *items = from;
  hr_elem *low = to_low, *high = to_high;
  vec p = SET(pivot);
  int64_t lows = 0, i = 0;
#pragma GCC unroll 4
  for (; i + LANES <= n; i += LANES) {
    vec x = V(loadu)(items + i);
    mask below = BELOW((mask)-1, x, p);
    V(storeu)(low + lows, V(maskz_compress)(below, x));
    V(storeu)(high + (i - lows), V(maskz_compress)((mask)~below, x));
    lows += __builtin_popcount(below);
  }
  mask in = first_lanes(n - i);
  vec x = V(maskz_loadu)(in, items + i);
  mask below = BELOW(in, x, p);
  int64_t count = __builtin_popcount(below);
  V(mask_storeu)(low + lows, first_lanes(count), V(maskz_compress)(below, x));
  V(mask_storeu)(high + (i - lows), first_lanes(n - i - count), V(maskz_compress)((mask)(in & ~below), x));
  return lows + count;
}

/* The median of a sample that grows with n. Of what fills two networks, nearly as much as fills the first: then the
 * second is the smaller one, and is rarely too large. */
static hr_elem pivot_of(const hr_elem *items, int64_t n) {
  hr_elem sample[SMALL];
  int64_t count = n > 32 * SMALL ? SMALL : n > 4 * SMALL ? SMALL / 4 : SMALL / 8, step = n / count;
  for (int64_t i = 0; i < count; i++) sample[i] = items[i * step];
  sort_small(sample, sample, count);
  return sample[n > 2 * SMALL ? count / 2 : count * SMALL * 15 / 16 / n];
}

/* --- where samples mislead again and again: heap sort (Knuth 5.2.3) --- */

static void sift(hr_elem *items, int64_t at, int64_t n) {
  hr_elem item = items[at];
  for (int64_t child; (child = 2 * at + 1) < n; at = child) {
    if (child + 1 < n && items[child + 1] > items[child]) child++;
    if (items[child] <= item) break;
    items[at] = items[child];
  }
  items[at] = item;
}

static void heap_sort(hr_elem *items, int64_t n) {
  for (int64_t i = n / 2; i-- > 0;) sift(items, i, n);
  while (n > 1) {
    hr_elem greatest = items[0];
    items[0] = items[--n];
    items[n] = greatest;
    sift(items, 0, n);
  }
}

/* Parting leaves what is below the pivot in `to` and the rest in `scratch`; as much of the other is free for each. */
static void quicksort(hr_elem *to, hr_elem *scratch, int64_t n, bool in_scratch, int depth) {
  for (; n > SMALL; in_scratch = true) {
    const hr_elem *items = in_scratch ? scratch : to;
    hr_elem pivot = pivot_of(items, n);
    if (depth-- == 0) {
      if (in_scratch) memcpy(to, scratch, (size_t)n * sizeof *to);
      heap_sort(to, n);
      return;
    }
    int64_t lows = part(items, n, pivot, to, scratch);
    if (lows > 0) {
      quicksort(to, scratch + (n - lows), lows, false, depth);
    } else if (pivot == (hr_elem) ~(hr_elem)0) { /* the least is the greatest that there is */
      memcpy(to, scratch, (size_t)n * sizeof *to);
      return;
    } else { /* the pivot is the least: those equal to it are in their place */
      lows = part(scratch, n, (uint64_t)pivot + 1, to, scratch);
    }
    to += lows;
    n -= lows;
  }
  sort_small(to, in_scratch ? scratch : to, n);
}

static void sort(void *to, void *scratch, int64_t n, bool in_scratch) {
  int depth = 4;
  for (int64_t i = n; i > SMALL; i /= 2) depth += 2;
  quicksort(to, scratch, n, in_scratch, depth);
}

#define SORT sort
#else
#define SORT NULL

static int64_t part(const void *from, int64_t n, uint64_t pivot, void *to_low, void *to_high) {
  const hr_elem *items = from;
  hr_elem *low = to_low, *high = to_high, p = (hr_elem)pivot;
  int64_t lows = 0;
  for (int64_t i = 0; i < n; i++) { /* without branches: the item goes to both, and one of them moves on */
    hr_elem item = items[i];
    low[lows] = item;
    high[i - lows] = item;
    lows += item < p;
  }
  return lows;
}

#endif

const hr_order_kernels HR_NAME(hr_order) = {.part = part, .count = count_below, .sort = SORT};
