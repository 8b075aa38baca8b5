/* Maps from texts to arrays or texts. The handle's ctx is an hr_map; an iterator's ctx is a place in it. */
#include "base/map.h"

#include "base/memory.h"
#include "capi/handle.h"
#include "capi/map.h"
#include "mlx/c/map.h"

enum { END_OF_MAP = 2 };

typedef struct iterator {
  size_t next;
} iterator;

/* --- both kinds --- */

void hr_map_drop_array(void *value) { hr_array_release(value); }
static void drop_text(void *value) { hr_free(value); }

static void *copy_array(void *value) { return hr_array_retain(value); }
static void *copy_text(void *value) { return hr_strdup(value); }

static hr_map *map_new(void (*drop)(void *)) {
  hr_map *map = hr_slab_alloc(sizeof *map);
  if (map)
    hr_map_init(map, drop);
  else
    (void)hr_fail(HR_OUT_OF_MEMORY, "no memory for a map");
  return map;
}

static void *map_new_reported(const char *call, void (*drop)(void *)) {
  hr_map *map = map_new(drop);
  if (!map) (void)hr_capi_failed(call, HR_OUT_OF_MEMORY);
  return map;
}

static int map_free(void *ctx) {
  if (ctx) {
    hr_map_deinit(ctx);
    hr_slab_free(ctx, sizeof(hr_map));
  }
  return 0;
}

static hr_status copy_entries(hr_map *to, const hr_map *from, void *(*copy)(void *)) {
  for (size_t i = 0; i < from->count; i++) {
    void *value = copy(from->entries[i].value);
    if (!value) return hr_fail(HR_OUT_OF_MEMORY, "no memory for the value of a map");
    hr_status status = hr_map_insert(to, from->entries[i].key, value);
    if (status != HR_OK) {
      to->drop(value);
      return status;
    }
  }
  return HR_OK;
}

hr_status hr_give_map(void **ctx, hr_map *content) {
  if (!*ctx && !(*ctx = map_new(content->drop))) {
    hr_map_deinit(content);
    return HR_OUT_OF_MEMORY;
  }
  hr_map old = *(hr_map *)*ctx;
  *(hr_map *)*ctx = *content;
  hr_map_init(content, old.drop);
  hr_map_deinit(&old);
  return HR_OK;
}

static hr_status map_set(void **ctx, const hr_map *source, void *(*copy)(void *)) {
  if (!ctx) return hr_refuse_null("map");
  if (!source) return hr_refuse_empty("src");
  hr_map fresh;
  hr_map_init(&fresh, source->drop);
  hr_status status = copy_entries(&fresh, source, copy);
  if (status == HR_OK) return hr_give_map(ctx, &fresh);
  hr_map_deinit(&fresh);
  return status;
}

static hr_status check_key(const void *map, const char *key) {
  if (!map) return hr_refuse_empty("map");
  return hr_need_pointer(key, "key");
}

static hr_status find(void **value, const void *map, const char *key) {
  hr_status status = check_key(map, key);
  if (status != HR_OK) return status;
  *value = hr_map_find(map, key);
  return *value ? HR_OK : hr_fail(HR_INVALID, "there is no key \"%s\"", key);
}

static void *iterator_new(const char *call, const void *map) {
  iterator *it = map ? hr_slab_alloc(sizeof *it) : NULL;
  if (it)
    it->next = 0;
  else
    (void)hr_capi_failed(call, map ? hr_fail(HR_OUT_OF_MEMORY, "no memory for an iterator") : hr_refuse_empty("map"));
  return it;
}

static int iterator_free(void *ctx) {
  if (ctx) hr_slab_free(ctx, sizeof(iterator));
  return 0;
}

/* The next entry without moving on; NULL at the end. */
static hr_status iterator_look(const hr_map_entry **entry, const iterator *it, const hr_map *map) {
  *entry = NULL;
  if (!it || !map) return hr_refuse_empty("it");
  if (it->next < map->count) *entry = &map->entries[it->next];
  return HR_OK;
}

/* --- arrays --- */

mlx_map_string_to_array mlx_map_string_to_array_new(void) {
  return (mlx_map_string_to_array){map_new_reported("mlx_map_string_to_array_new", hr_map_drop_array)};
}

int mlx_map_string_to_array_set(mlx_map_string_to_array *map, const mlx_map_string_to_array src) {
  return hr_capi_result("mlx_map_string_to_array_set", map_set(map ? &map->ctx : NULL, src.ctx, copy_array));
}

int mlx_map_string_to_array_free(mlx_map_string_to_array map) { return map_free(map.ctx); }

int mlx_map_string_to_array_insert(mlx_map_string_to_array map, const char *key, const mlx_array value) {
  hr_array *array = NULL;
  hr_status status;
  HR_TRY(check_key(map.ctx, key));
  HR_TRY(hr_take_array(&array, value, "value"));
  status = hr_map_insert(map.ctx, key, hr_array_retain(array));
  if (status != HR_OK) hr_array_release(array);
done:
  return hr_capi_result("mlx_map_string_to_array_insert", status);
}

int mlx_map_string_to_array_get(mlx_array *value, const mlx_map_string_to_array map, const char *key) {
  void *found = NULL;
  hr_status status;
  HR_TRY(hr_need_pointer(value, "value"));
  HR_TRY(find(&found, map.ctx, key));
  HR_TRY(hr_give_array(value, hr_array_retain(found)));
done:
  return hr_capi_result("mlx_map_string_to_array_get", status);
}

mlx_map_string_to_array_iterator mlx_map_string_to_array_iterator_new(mlx_map_string_to_array map) {
  void *it = iterator_new("mlx_map_string_to_array_iterator_new", map.ctx);
  return (mlx_map_string_to_array_iterator){it, it ? map.ctx : NULL};
}

int mlx_map_string_to_array_iterator_free(mlx_map_string_to_array_iterator it) { return iterator_free(it.ctx); }

int mlx_map_string_to_array_iterator_next(const char **key, mlx_array *value, mlx_map_string_to_array_iterator it) {
  const hr_map_entry *entry = NULL;
  hr_status status;
  HR_TRY(hr_need_pointer(key, "key"));
  HR_TRY(hr_need_pointer(value, "value"));
  HR_TRY(iterator_look(&entry, it.ctx, it.map_ctx));
  if (!entry) return END_OF_MAP;
  HR_TRY(hr_give_array(value, hr_array_retain(entry->value)));
  *key = entry->key;
  ((iterator *)it.ctx)->next++;
done:
  return hr_capi_result("mlx_map_string_to_array_iterator_next", status);
}

/* --- texts --- */

mlx_map_string_to_string mlx_map_string_to_string_new(void) {
  return (mlx_map_string_to_string){map_new_reported("mlx_map_string_to_string_new", drop_text)};
}

int mlx_map_string_to_string_set(mlx_map_string_to_string *map, const mlx_map_string_to_string src) {
  return hr_capi_result("mlx_map_string_to_string_set", map_set(map ? &map->ctx : NULL, src.ctx, copy_text));
}

int mlx_map_string_to_string_free(mlx_map_string_to_string map) { return map_free(map.ctx); }

int mlx_map_string_to_string_insert(mlx_map_string_to_string map, const char *key, const char *value) {
  char *copy = NULL;
  hr_status status;
  HR_TRY(check_key(map.ctx, key));
  HR_TRY(hr_need_pointer(value, "value"));
  copy = hr_strdup(value);
  if (!copy) HR_TRY(hr_fail(HR_OUT_OF_MEMORY, "no memory for a text"));
  HR_TRY(hr_map_insert(map.ctx, key, copy));
  copy = NULL;
done:
  hr_free(copy);
  return hr_capi_result("mlx_map_string_to_string_insert", status);
}

int mlx_map_string_to_string_get(const char **value, const mlx_map_string_to_string map, const char *key) {
  void *found = NULL;
  hr_status status;
  HR_TRY(hr_need_pointer(value, "value"));
  HR_TRY(find(&found, map.ctx, key));
  *value = found;
done:
  return hr_capi_result("mlx_map_string_to_string_get", status);
}

mlx_map_string_to_string_iterator mlx_map_string_to_string_iterator_new(mlx_map_string_to_string map) {
  void *it = iterator_new("mlx_map_string_to_string_iterator_new", map.ctx);
  return (mlx_map_string_to_string_iterator){it, it ? map.ctx : NULL};
}

int mlx_map_string_to_string_iterator_free(mlx_map_string_to_string_iterator it) { return iterator_free(it.ctx); }

int mlx_map_string_to_string_iterator_next(const char **key, const char **value, mlx_map_string_to_string_iterator it) {
  const hr_map_entry *entry = NULL;
  hr_status status;
  HR_TRY(hr_need_pointer(key, "key"));
  HR_TRY(hr_need_pointer(value, "value"));
  HR_TRY(iterator_look(&entry, it.ctx, it.map_ctx));
  if (!entry) return END_OF_MAP;
  *key = entry->key;
  *value = entry->value;
  ((iterator *)it.ctx)->next++;
done:
  return hr_capi_result("mlx_map_string_to_string_iterator_next", status);
}
