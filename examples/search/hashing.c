#include "hashing.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* FNV-1a with a final mix, so that low bits are good for the place and the top bit for the sign. */
static uint64_t mix(uint64_t h) {
  h ^= h >> 32;
  h *= 0x9e3779b97f4a7c15u;
  return h ^ (h >> 29);
}

static void add(float *out, size_t dims, uint64_t hash, float weight) {
  uint64_t h = mix(hash);
  out[h & (dims - 1)] += h >> 63 ? weight : -weight;
}

static bool word_byte(unsigned char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c > 127;
}

/* The next word from *at: its hash and length; 0 when none is left. */
static size_t next_word(const char *text, size_t length, size_t *at, uint64_t *hash) {
  size_t begin, i = *at;
  while (i < length && !word_byte((unsigned char)text[i])) i++;
  *hash = 0xcbf29ce484222325u;
  for (begin = i; i < length && word_byte((unsigned char)text[i]); i++) {
    unsigned char c = (unsigned char)text[i];
    if (c >= 'A' && c <= 'Z') c |= 32;
    *hash = (*hash ^ c) * 0x100000001b3u;
  }
  *at = i;
  return i - begin;
}

/* Short words are mostly grammar: a stand-in for how rare a word is, which needs no second pass over the text. */
static float weight_of(size_t length) { return length <= 2 ? 0.1f : length == 3 ? 0.35f : length < 6 ? 0.8f : 1.2f; }

/* Counts count less the more there are, and the vector's length is 1. */
static void normalise(float *out, size_t dims) {
  float sum = 0;
  for (size_t i = 0; i < dims; i++) {
    out[i] = out[i] < 0 ? -sqrtf(-out[i]) : sqrtf(out[i]);
    sum += out[i] * out[i];
  }
  float scale = sum > 0 ? 1 / sqrtf(sum) : 0;
  for (size_t i = 0; i < dims; i++) out[i] *= scale;
}

void features_of(float *out, size_t dims, const char *text, size_t length) {
  uint64_t hash, before = 0;
  size_t at = 0, letters, letters_before = 0;
  memset(out, 0, dims * sizeof *out);
  while ((letters = next_word(text, length, &at, &hash))) {
    float weight = weight_of(letters);
    add(out, dims, hash, weight);
    if (letters_before > 3 && letters > 3) add(out, dims, before * 31 + hash, 0.5f * weight);
    before = hash;
    letters_before = letters;
  }
  normalise(out, dims);
}
