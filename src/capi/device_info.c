/* What is known of a device. The same few entries for every device, so a table of fixed size. */
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/memory.h"
#include "capi/device.h"
#include "capi/handle.h"
#include "mlx/c/device.h"
#include "sched/cores.h"

enum { INFO_TEXT = 128, INFO_COUNT = 4 };

typedef struct info_entry {
  const char *key;
  bool is_string;
  size_t size;
  char text[INFO_TEXT];
} info_entry;

typedef struct info_box {
  size_t count; /* 0: empty */
  info_entry entries[INFO_COUNT];
} info_box;

/* The processor's name, as Linux gives it for x86; elsewhere its architecture. */
static void processor_name(char text[INFO_TEXT], const char *otherwise) {
  char line[256];
  snprintf(text, INFO_TEXT, "%s", otherwise);
  FILE *file = fopen("/proc/cpuinfo", "re");
  if (!file) return;
  while (fgets(line, sizeof line, file)) {
    const char *colon = strchr(line, ':');
    if (strncmp(line, "model name", 10) || !colon) continue;
    snprintf(text, INFO_TEXT, "%.*s", (int)strcspn(colon + 2, "\n"), colon + 2);
    break;
  }
  fclose(file);
}

static size_t memory_bytes(void) {
  long pages = sysconf(_SC_PHYS_PAGES), bytes = sysconf(_SC_PAGESIZE);
  return pages > 0 && bytes > 0 ? (size_t)pages * (size_t)bytes : 0;
}

static void fill(info_box *box) {
  struct utsname name;
  const char *machine = uname(&name) == 0 ? name.machine : "unknown";
  info_entry *entry = box->entries;
  entry[0] = (info_entry){.key = "architecture", .is_string = true};
  snprintf(entry[0].text, INFO_TEXT, "%s", machine);
  entry[1] = (info_entry){.key = "device_name", .is_string = true};
  processor_name(entry[1].text, machine);
  entry[2] = (info_entry){.key = "memory_size", .size = memory_bytes()};
  entry[3] = (info_entry){.key = "cores", .size = (size_t)hr_cores_usable()};
  box->count = INFO_COUNT;
}

static hr_status box_make(mlx_device_info *handle) {
  handle->ctx = hr_alloc_zero(sizeof(info_box));
  return handle->ctx ? HR_OK : hr_fail(HR_OUT_OF_MEMORY, "no memory for what is known of a device");
}

mlx_device_info mlx_device_info_new(void) {
  mlx_device_info handle = {0};
  (void)hr_capi_result("mlx_device_info_new", box_make(&handle));
  return handle;
}

int mlx_device_info_get(mlx_device_info *info, mlx_device dev) {
  hr_device device;
  hr_status status;
  HR_TRY(hr_need_pointer(info, "info"));
  HR_TRY(hr_take_device(&device, dev, "dev"));
  HR_TRY(hr_need_device(device));
  if (!info->ctx) HR_TRY(box_make(info));
  fill(info->ctx);
done:
  return hr_capi_result("mlx_device_info_get", status);
}

int mlx_device_info_free(mlx_device_info info) {
  hr_free(info.ctx);
  return 0;
}

/* The entry, or NULL if there is none. */
static hr_status look(const info_entry **out, const void *res, const char *name, mlx_device_info info,
                      const char *key) {
  const info_box *box = info.ctx;
  *out = NULL;
  if (!res) return hr_refuse_null(name);
  if (!key) return hr_refuse_null("key");
  if (!box || !box->count) return hr_refuse_empty("info");
  for (size_t i = 0; i < box->count && !*out; i++)
    if (!strcmp(box->entries[i].key, key)) *out = &box->entries[i];
  return HR_OK;
}

/* The same, for entries that must be there. */
static hr_status find(const info_entry **out, const void *res, const char *name, mlx_device_info info,
                      const char *key) {
  hr_status status = look(out, res, name, info, key);
  if (status == HR_OK && !*out) return hr_fail(HR_INVALID, "there is no entry \"%s\"", key);
  return status;
}

int mlx_device_info_has_key(bool *exists, mlx_device_info info, const char *key) {
  const info_entry *entry;
  hr_status status = look(&entry, exists, "exists", info, key);
  if (status == HR_OK) *exists = entry != NULL;
  return hr_capi_result("mlx_device_info_has_key", status);
}

int mlx_device_info_is_string(bool *is_string, mlx_device_info info, const char *key) {
  const info_entry *entry;
  hr_status status = find(&entry, is_string, "is_string", info, key);
  if (status == HR_OK) *is_string = entry->is_string;
  return hr_capi_result("mlx_device_info_is_string", status);
}

int mlx_device_info_get_string(const char **value, mlx_device_info info, const char *key) {
  const info_entry *entry;
  hr_status status;
  HR_TRY(find(&entry, value, "value", info, key));
  if (!entry->is_string) HR_TRY(hr_fail(HR_INVALID, "entry \"%s\" is a size", key));
  *value = entry->text;
done:
  return hr_capi_result("mlx_device_info_get_string", status);
}

int mlx_device_info_get_size(size_t *value, mlx_device_info info, const char *key) {
  const info_entry *entry;
  hr_status status;
  HR_TRY(find(&entry, value, "value", info, key));
  if (entry->is_string) HR_TRY(hr_fail(HR_INVALID, "entry \"%s\" is a string", key));
  *value = entry->size;
done:
  return hr_capi_result("mlx_device_info_get_size", status);
}

int mlx_device_info_get_keys(mlx_vector_string *keys, mlx_device_info info) {
  const info_box *box = info.ctx;
  const char *names[INFO_COUNT];
  hr_status status;
  HR_TRY(hr_need_pointer(keys, "keys"));
  if (!box || !box->count) HR_TRY(hr_refuse_empty("info"));
  for (size_t i = 0; i < box->count; i++) names[i] = box->entries[i].key;
  HR_TRY(hr_give_texts(keys, names, box->count));
done:
  return hr_capi_result("mlx_device_info_get_keys", status);
}
