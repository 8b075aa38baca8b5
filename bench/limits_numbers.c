#include "limits_numbers.h"

#include <math.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { TILE = 256 };

static inline uint32_t rotate(uint32_t x, int by) { return x << by | x >> (32 - by); }

/* Words of TILE counters from `first` on. */
static void threefry(uint32_t words[2 * TILE], uint32_t first) {
  static const int rotations[2][4] = {{13, 15, 26, 6}, {17, 29, 16, 24}};
  const uint32_t keys[3] = {0, 0, 0x1BD11BDA};
  for (int i = 0; i < TILE; i++) {
    uint32_t x = first + (uint32_t)i, y = 0;
    for (int group = 0; group < 5; group++) {
      for (int r = 0; r < 4; r++) {
        x += y;
        y = rotate(y, rotations[group & 1][r]) ^ x;
      }
      x += keys[(group + 1) % 3];
      y += keys[(group + 2) % 3] + (uint32_t)group + 1;
    }
    words[i] = x;
    words[TILE + i] = y;
  }
}

static inline float unit(uint32_t word) { return (float)(int32_t)(word >> 8) * 0x1p-24f; }

void bench_loop_uniform(const bench_loop *loop, int64_t first, int64_t end) {
  uint32_t words[2 * TILE];
  for (int64_t i = first; i < end; i += 2 * TILE) {
    threefry(words, (uint32_t)i / 2);
    for (int k = 0; k < 2 * TILE; k++) loop->out[i + k] = unit(words[k]);
  }
}

/* log of y in (0, 1] to about 3 units in the last place: atanh series of the mantissa around 1. */
static inline float log_of(float y) {
  uint32_t bits;
  memcpy(&bits, &y, sizeof bits);
  int32_t e = (int32_t)(bits - 0x3f3504f3u) >> 23;
  bits -= (uint32_t)e << 23;
  memcpy(&y, &bits, sizeof y);
  float s = (y - 1) / (y + 1), z = s * s;
  return (float)e * 0.69314718f + 2 * s * (1 + z * (0.33333333f + z * (0.2f + z * (0.14285714f + z * 0.11111111f))));
}

static inline float erfinv_of(float x) {
  float w = -log_of((1 - x) * (1 + x)), near = w - 2.5f, far = sqrtf(w) - 3;
  float p = 2.81022636e-08f, q = -0.000200214257f;
  p = 3.43273939e-07f + p * near, q = 0.000100950558f + q * far;
  p = -3.5233877e-06f + p * near, q = 0.00134934322f + q * far;
  p = -4.39150654e-06f + p * near, q = -0.00367342844f + q * far;
  p = 0.00021858087f + p * near, q = 0.00573950773f + q * far;
  p = -0.00125372503f + p * near, q = -0.0076224613f + q * far;
  p = -0.00417768164f + p * near, q = 0.00943887047f + q * far;
  p = 0.246640727f + p * near, q = 1.00167406f + q * far;
  p = 1.50140941f + p * near, q = 2.83297682f + q * far;
  return x * (w < 5 ? p : q);
}

void bench_loop_normal(const bench_loop *loop, int64_t first, int64_t end) {
  uint32_t words[2 * TILE];
  for (int64_t i = first; i < end; i += 2 * TILE) {
    threefry(words, (uint32_t)i / 2);
    for (int k = 0; k < 2 * TILE; k++) {
      float x = 2 * unit(words[k]) - 1;
      loop->out[i + k] = 1.41421356f * erfinv_of(x > -0.9999999f ? x : -0.9999999f);
    }
  }
}

/* --- sorting --- */

enum { DIGIT = 11, BINS = 1 << DIGIT, PASSES = 3 };

/* Floats as integers of the same order, and back. */
static inline uint32_t to_key(uint32_t bits) { return bits ^ (bits >> 31 ? 0xffffffffu : 0x80000000u); }
static inline uint32_t from_key(uint32_t key) { return key ^ (key >> 31 ? 0x80000000u : 0xffffffffu); }

static void radix_pass(uint32_t *to, const uint32_t *from, int64_t count, int shift, const uint32_t *bins) {
  int64_t place[BINS], at = 0;
  for (int b = 0; b < BINS; b++) place[b] = at, at += bins[b];
  for (int64_t i = 0; i < count; i++) to[place[from[i] >> shift & (BINS - 1)]++] = from[i];
}

/* One thread's half, as sorted keys. */
typedef struct run {
  const uint32_t *keys;
  int64_t count;
} run;

static run sort_half(const uint32_t *a, int64_t count) {
  static _Thread_local uint32_t *keys, *other;
  static _Thread_local int64_t room;
  static _Thread_local uint32_t bins[PASSES][BINS];
  if (room < count) {
    keys = realloc(keys, (size_t)count * sizeof *keys);
    other = realloc(other, (size_t)count * sizeof *other);
    room = count;
    if (!keys || !other) abort();
  }
  memset(bins, 0, sizeof bins);
  for (int64_t i = 0; i < count; i++) {
    uint32_t key = keys[i] = to_key(a[i]);
    for (int p = 0; p < PASSES; p++) bins[p][key >> p * DIGIT & (BINS - 1)]++;
  }
  radix_pass(other, keys, count, 0, bins[0]);
  radix_pass(keys, other, count, DIGIT, bins[1]);
  radix_pass(other, keys, count, 2 * DIGIT, bins[2]);
  return (run){other, count};
}

/* Elements [first, end) of what the runs are together. */
static void merge_part(uint32_t *out, run a, run b, int64_t first, int64_t end) {
  int64_t low = first > b.count ? first - b.count : 0, high = first < a.count ? first : a.count;
  while (low < high) { /* how many of the first `first` are of a */
    int64_t middle = (low + high) / 2;
    if (a.keys[middle] <= b.keys[first - middle - 1])
      low = middle + 1;
    else
      high = middle;
  }
  int64_t i = low, k = first - low, at = first;
  for (; at < end && i < a.count && k < b.count; at++) {
    uint32_t x = a.keys[i], y = b.keys[k];
    bool of_a = x <= y;
    out[at] = from_key(of_a ? x : y);
    i += of_a;
    k += !of_a;
  }
  for (; at < end && i < a.count; at++) out[at] = from_key(a.keys[i++]);
  for (; at < end; at++) out[at] = from_key(b.keys[k++]);
}

void bench_loop_sort(const bench_loop *loop, int64_t first, int64_t end) {
  static run runs[2];
  static _Atomic(int64_t) arrived; /* grows by 2 a round */
  const uint32_t *a = (const uint32_t *)(const void *)loop->a;
  runs[first != 0] = sort_half(a + first, end - first);
  int64_t round = atomic_fetch_add_explicit(&arrived, 1, memory_order_acq_rel) / 2;
  while (atomic_load_explicit(&arrived, memory_order_acquire) < 2 * (round + 1)) continue;
  merge_part((uint32_t *)(void *)loop->out, runs[0], runs[1], first, end);
}
