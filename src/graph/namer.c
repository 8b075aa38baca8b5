#include "graph/namer.h"

#include <string.h>

#include "base/memory.h"

/* --- numbers of addresses --- */

enum { FIRST_CAPACITY = 16 };

/* The slot of the key, or the free one where it belongs. */
static size_t *slot_of(const hr_numbering *numbers, const void *key) {
  size_t mask = 2 * numbers->capacity - 1;
  size_t i = (size_t)(((uintptr_t)key * UINT64_C(0x9E3779B97F4A7C15)) >> 32) & mask;
  while (numbers->slots[i] && numbers->keys[numbers->slots[i] - 1] != key) i = (i + 1) & mask;
  return &numbers->slots[i];
}

static hr_status grow(hr_numbering *numbers) {
  size_t capacity = numbers->capacity ? 2 * numbers->capacity : FIRST_CAPACITY;
  const void **keys = hr_realloc(numbers->keys, capacity * sizeof *keys);
  if (keys) numbers->keys = keys;
  size_t *slots = keys ? hr_alloc_zero(2 * capacity * sizeof *slots) : NULL;
  if (!slots) return hr_fail(HR_OUT_OF_MEMORY, "no memory for numbers of %zu arrays", capacity);
  hr_free(numbers->slots);
  numbers->slots = slots;
  numbers->capacity = capacity;
  for (size_t i = 0; i < numbers->count; i++) *slot_of(numbers, numbers->keys[i]) = i + 1;
  return HR_OK;
}

hr_status hr_numbering_add(size_t *out, bool *out_is_new, hr_numbering *numbers, const void *key) {
  if (numbers->count == numbers->capacity) {
    hr_status status = grow(numbers);
    if (status != HR_OK) return status;
  }
  size_t *slot = slot_of(numbers, key);
  *out_is_new = !*slot;
  if (*out_is_new) {
    numbers->keys[numbers->count++] = key;
    *slot = numbers->count;
  }
  *out = *slot - 1;
  return HR_OK;
}

void hr_numbering_deinit(hr_numbering *numbers) {
  hr_free(numbers->keys);
  hr_free(numbers->slots);
  *numbers = (hr_numbering){0};
}

/* --- names --- */

static void drop_nothing(void *value) { (void)value; }

hr_status hr_namer_new(hr_namer **out) {
  *out = hr_alloc_zero(sizeof **out);
  if (!*out) return hr_fail(HR_OUT_OF_MEMORY, "no memory for a table of names");
  hr_map_init(&(*out)->given, drop_nothing);
  return HR_OK;
}

void hr_namer_free(hr_namer *namer) {
  if (!namer) return;
  for (size_t i = 0; i < namer->numbers.count; i++) {
    hr_array_release((hr_array *)namer->numbers.keys[i]);
    hr_free(namer->names[i]);
  }
  hr_free(namer->names);
  hr_numbering_deinit(&namer->numbers);
  hr_map_deinit(&namer->given);
  hr_free(namer);
}

/* Room for one more name. */
static hr_status reserve(hr_namer *namer) {
  if (namer->numbers.count < namer->capacity) return HR_OK;
  size_t capacity = 2 * namer->capacity + FIRST_CAPACITY;
  char **names = hr_realloc(namer->names, capacity * sizeof *names);
  if (!names) return hr_fail(HR_OUT_OF_MEMORY, "no memory for the names of %zu arrays", capacity);
  namer->names = names;
  namer->capacity = capacity;
  return HR_OK;
}

/* The place of the array's name. */
static hr_status place_of(char ***out, hr_namer *namer, hr_array *array) {
  size_t number;
  bool is_new;
  hr_status status = reserve(namer);
  if (status == HR_OK) status = hr_numbering_add(&number, &is_new, &namer->numbers, array);
  if (status != HR_OK) return status;
  if (is_new) {
    hr_array_retain(array);
    namer->names[number] = NULL;
  }
  *out = &namer->names[number];
  return HR_OK;
}

static hr_status put(char **place, const char *name) {
  char *copy = hr_strdup(name);
  if (!copy) return hr_fail(HR_OUT_OF_MEMORY, "no memory for the name of an array");
  hr_free(*place);
  *place = copy;
  return HR_OK;
}

hr_status hr_namer_set(hr_namer *namer, hr_array *array, const char *name) {
  char **place;
  hr_status status = hr_map_insert(&namer->given, name, namer);
  if (status == HR_OK) status = place_of(&place, namer, array);
  return status == HR_OK ? put(place, name) : status;
}

enum { NAME_LENGTH = 16 }; /* letters for 2^64 names, and the end */

/* 0, 1, ... as A, ..., Z, AA, AB, ... */
static const char *letters(char text[NAME_LENGTH], size_t number) {
  char *at = text + NAME_LENGTH - 1;
  *at = 0;
  for (number++; number; number = (number - 1) / 26) *--at = (char)('A' + (number - 1) % 26);
  return at;
}

hr_status hr_namer_get(const char **out, hr_namer *namer, hr_array *array) {
  char **place, text[NAME_LENGTH];
  hr_status status;
  HR_TRY(place_of(&place, namer, array));
  if (!*place) {
    const char *name;
    do name = letters(text, namer->made++);
    while (hr_map_find(&namer->given, name));
    HR_TRY(put(place, name));
  }
  *out = *place;
done:
  return status;
}
