/* src/cpu/kernels/split_body.h - part of keys_tmpl.c where there are vectors that compress: counts and moves what is
 * below, between and above two bounds, a vector of elements at a time. Keys stay in registers; what is written of
 * elements are the elements themselves. */
#include <immintrin.h>

#ifdef WIDE
#define V(name)   _mm512_##name##_epi64
#define BELOW     _mm512_mask_cmplt_epu64_mask
#define SET(x)    _mm512_set1_epi64((long long)(x))
#define HAS(x, y) _mm512_test_epi64_mask(x, y)
typedef __mmask8 mask;
#else
#define V(name)   _mm512_##name##_epi32
#define BELOW     _mm512_mask_cmplt_epu32_mask
#define SET(x)    _mm512_set1_epi32((int)(x))
#define HAS(x, y) _mm512_test_epi32_mask(x, y)
#define SAME      _mm512_mask_cmpeq_epi32_mask
#define IOTA      _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)
typedef __mmask16 mask;
#endif
typedef __m512i vec;

/* AHEAD: bytes; a result's lines come from memory before they are written. With them and what is read fetched ahead,
 * 16 Mi floats take one thread 0.38 ns each instead of 0.58, and 0.15 instead of 0.27 to be counted. */
enum { LANES = 64 / sizeof(item), BLOCK = 8 * LANES, AHEAD = HR_AHEAD_BYTES / 2 };

HR_INLINE mask first_lanes(int64_t n) { return n >= LANES ? (mask)-1 : (mask)((1u << n) - 1); }

/* Elements as wide as items. */
HR_INLINE vec load_lanes(const char *p, mask in) {
  if (BYTES == 1) return _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8((__mmask16)in, p));
  if (BYTES == 2) return _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16((__mmask16)in, p));
  return V(maskz_loadu)(in, p);
}

/* The first `count` lanes; or all, whatever is there then. */
HR_INLINE void store_lanes(char *p, vec x, int64_t count, bool whole) {
  V(mask_storeu)(p, whole ? (mask)-1 : first_lanes(count), x);
}

/* key_of() of each lane; *x becomes bits_of() that, but for the sign of 0. */
HR_INLINE vec keys_of(vec *x, bool places) {
#if HR_ELEM_IS_FLOAT
  vec top = SET(TOP), all = SET((bits)-1), size = _mm512_andnot_si512(top, *x);
  vec key = V(mask_xor)(_mm512_or_si512(*x, top), HAS(*x, top), *x, all);
  mask nan = BELOW((mask)-1, SET(INFINITE), size);
  if (places) key = V(mask_mov)(top, HAS(size, size), key);
  *x = V(mask_mov)(*x, nan, SET((bits)-1 ^ TOP));
  return V(mask_mov)(key, nan, all);
#else
  (void)places;
  return HR_ELEM_IS_SIGNED ? _mm512_xor_si512(*x, SET(TOP)) : *x;
#endif
}

/* A vector of elements: as keys, as what is stored of them, and which are on which side. */
typedef struct part_vec {
  vec key, value;
  mask below, between, above;
} part_vec;

HR_INLINE part_vec part_lanes(const char *at, int64_t place, mask in, const hr_split_bounds *bounds, bool places) {
  part_vec p;
  __builtin_prefetch(at + HR_AHEAD_BYTES);
  p.value = load_lanes(at, in);
  p.key = keys_of(&p.value, places);
#ifndef WIDE
  if (places) {
    vec low = SET(bounds->low >> 32), last = SET(bounds->last >> 32);
    p.value = V(add)(SET(place), IOTA);
    p.below = BELOW(in, p.key, low) | BELOW(SAME(in, p.key, low), p.value, SET(bounds->low));
    p.above = BELOW(in, last, p.key) | BELOW(SAME(in, p.key, last), SET(bounds->last), p.value);
    p.between = (mask)(in & ~(p.below | p.above));
    return p;
  }
#endif
  (void)place;
  p.below = BELOW(in, p.key, SET(bounds->low));
  p.above = BELOW(in, SET(bounds->last), p.key);
  p.between = (mask)(in & ~(p.below | p.above));
  return p;
}

HR_INLINE void sides_by(hr_split_sides *out, const char *row, int64_t place, int64_t n, const hr_split_bounds *bounds,
                        bool places) {
  int64_t below = 0, above = 0;
#pragma GCC unroll 2
  for (int64_t i = 0; i < n; i += LANES) {
    part_vec p = part_lanes(row + i * BYTES, place + i, first_lanes(n - i), bounds, places);
    below += __builtin_popcount(p.below);
    above += __builtin_popcount(p.above);
  }
  *out = (hr_split_sides){below, n - below - above, above};
}

HR_INLINE void split_lanes(hr_split_to *to, const part_vec *p, bool places, bool whole) {
  int64_t below = __builtin_popcount(p->below), between = __builtin_popcount(p->between),
          above = __builtin_popcount(p->above), bytes = sizeof(item);
  if (to->below) {
    __builtin_prefetch(to->below + AHEAD, 1);
    store_lanes(to->below, V(maskz_compress)(p->below, p->value), below, whole);
    to->below += below * bytes;
    to->room.below -= below;
  } else if (!(p->between | p->above)) {
    return;
  }
  __builtin_prefetch(to->above + AHEAD, 1);
  store_lanes(to->above, V(maskz_compress)(p->above, p->value), above, whole);
  store_lanes(to->between, V(maskz_compress)(p->between, places ? p->value : p->key), between, whole);
  to->above += above * bytes;
  to->between += between * bytes;
  to->room.between -= between;
  to->room.above -= above;
}

/* Whole vectors are stored as long as each side has room for those of a block and the rest of one. */
HR_INLINE bool has_room(const hr_split_to *to) {
  const hr_split_sides *room = &to->room;
  int64_t least = room->between < room->above ? room->between : room->above;
  return least > BLOCK + LANES && (!to->below || room->below > BLOCK + LANES);
}

HR_INLINE void split_by(hr_split_to to, const char *row, int64_t place, int64_t n, const hr_split_bounds *bounds,
                        bool places) {
  int64_t i = 0;
  while (i < n)
    if (n - i >= BLOCK && has_room(&to)) {
      for (int64_t end = i + BLOCK; i < end; i += LANES) {
        part_vec p = part_lanes(row + i * BYTES, place + i, (mask)-1, bounds, places);
        split_lanes(&to, &p, places, true);
      }
    } else {
      part_vec p = part_lanes(row + i * BYTES, place + i, first_lanes(n - i), bounds, places);
      split_lanes(&to, &p, places, false);
      i += LANES;
    }
}

#define SPLIT(name, places)                                                                                           \
  static void sides##name(hr_split_sides *out, const char *row, int64_t place, int64_t n,                             \
                          const hr_split_bounds *bounds) {                                                            \
    sides_by(out, row, place, n, bounds, places);                                                                     \
  }                                                                                                                   \
  static void split##name(hr_split_to to, const char *row, int64_t place, int64_t n, const hr_split_bounds *bounds) { \
    split_by(to, row, place, n, bounds, places);                                                                      \
  }

/* Values that are narrower than items are counted where there are many (cpu/sort_count.c). */
#if defined(WIDE)
SPLIT(_values, false)
#define SPLITS                                   \
  {                                              \
    {sides_values, split_values}, { NULL, NULL } \
  }
#elif HR_ELEM_CODE == HR_CODE_u32 || HR_ELEM_CODE == HR_CODE_i32 || HR_ELEM_CODE == HR_CODE_f32
SPLIT(_values, false)
SPLIT(_places, true)
#define SPLITS                                                   \
  {                                                              \
    {sides_values, split_values}, { sides_places, split_places } \
  }
#else
SPLIT(_places, true)
#define SPLITS                                   \
  {                                              \
    {NULL, NULL}, { sides_places, split_places } \
  }
#endif
