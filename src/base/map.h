/* src/base/map.h - a map from texts to values, in the order in which keys were first inserted.
 * X1  Keys are copied. A value is a pointer that the map owns: `drop`, fixed when the map is made, releases it.
 * X2  Removing is not needed and not there. Places of entries and addresses of keys stay while the map lives, until
 *     hr_map_deinit(); only `entries` itself moves when the map grows.
 * X3  No thread safety: the owner sees to it. */
#ifndef HR_BASE_MAP_H
#define HR_BASE_MAP_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

typedef struct hr_map_entry {
  char *key;
  void *value;
  uint64_t hash;
} hr_map_entry;

typedef struct hr_map {
  hr_map_entry *entries;
  size_t count, capacity;
  uint32_t *slots;   /* open addressing: 1 + place of the entry, 0 is free; at most half full */
  size_t slot_count; /* a power of two, or 0 */
  void (*drop)(void *value);
} hr_map;

void hr_map_init(hr_map *map, void (*drop)(void *value));
/* Drops all values; the map is empty and can be used again. */
void hr_map_deinit(hr_map *map);

/* Adds or replaces; the map owns value from now on, on failure the caller keeps it and the map is as it was. */
hr_status hr_map_insert(hr_map *map, const char *key, void *value) HR_MUST_USE;

/* The value of key, or NULL. */
void *hr_map_find(const hr_map *map, const char *key);

#endif
