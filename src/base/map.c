#include "base/map.h"

#include <string.h>

#include "base/memory.h"

enum { FIRST_ENTRIES = 8 };

/* FNV-1a, 64 bits (Fowler, Noll, Vo). The order of entries does not depend on it. */
static uint64_t hash_text(const char *text) {
  uint64_t hash = 14695981039346656037u;
  for (; *text; text++) hash = (hash ^ (unsigned char)*text) * 1099511628211u;
  return hash;
}

void hr_map_init(hr_map *map, void (*drop)(void *value)) { *map = (hr_map){.drop = drop}; }

void hr_map_deinit(hr_map *map) {
  for (size_t i = 0; i < map->count; i++) {
    hr_free(map->entries[i].key);
    map->drop(map->entries[i].value);
  }
  hr_free(map->entries);
  hr_free(map->slots);
  hr_map_init(map, map->drop);
}

static hr_map_entry *find(const hr_map *map, const char *key, uint64_t hash) {
  if (!map->slot_count) return NULL;
  for (size_t at = hash & (map->slot_count - 1); map->slots[at]; at = (at + 1) & (map->slot_count - 1)) {
    hr_map_entry *entry = &map->entries[map->slots[at] - 1];
    if (entry->hash == hash && !strcmp(entry->key, key)) return entry;
  }
  return NULL;
}

void *hr_map_find(const hr_map *map, const char *key) {
  const hr_map_entry *entry = find(map, key, hash_text(key));
  return entry ? entry->value : NULL;
}

static void place(uint32_t *slots, size_t slot_count, uint64_t hash, size_t index) {
  size_t at = hash & (slot_count - 1);
  while (slots[at]) at = (at + 1) & (slot_count - 1);
  slots[at] = (uint32_t)index + 1;
}

/* Room for one entry more; the map is unchanged on failure. */
static hr_status grow(hr_map *map) {
  if (map->count < map->capacity) return HR_OK;
  size_t capacity = map->capacity ? 2 * map->capacity : FIRST_ENTRIES;
  if (capacity > UINT32_MAX / 2) return hr_fail(HR_OUT_OF_MEMORY, "a map of %zu keys is full", map->count);
  uint32_t *slots = hr_alloc_zero(2 * capacity * sizeof *slots);
  hr_map_entry *entries = slots ? hr_realloc(map->entries, capacity * sizeof *entries) : NULL;
  if (!entries) {
    hr_free(slots);
    return hr_fail(HR_OUT_OF_MEMORY, "no memory for a map of %zu keys", capacity);
  }
  for (size_t i = 0; i < map->count; i++) place(slots, 2 * capacity, entries[i].hash, i);
  hr_free(map->slots);
  map->entries = entries;
  map->capacity = capacity;
  map->slots = slots;
  map->slot_count = 2 * capacity;
  return HR_OK;
}

hr_status hr_map_insert(hr_map *map, const char *key, void *value) {
  uint64_t hash = hash_text(key);
  hr_map_entry *entry = find(map, key, hash);
  if (entry) {
    void *old = entry->value;
    entry->value = value;
    map->drop(old);
    return HR_OK;
  }
  hr_status status = grow(map);
  if (status != HR_OK) return status;
  char *copy = hr_strdup(key);
  if (!copy) return hr_fail(HR_OUT_OF_MEMORY, "no memory for a key");
  map->entries[map->count] = (hr_map_entry){.key = copy, .value = value, .hash = hash};
  place(map->slots, map->slot_count, hash, map->count++);
  return HR_OK;
}
