/* src/array/available.c - /proc/meminfo and the memory controllers of control groups.
 * Formats: proc(5), cgroups(7), and the kernel's admin-guide/cgroup-v1/memory and admin-guide/cgroup-v2. */
#include "array/available.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILE_TEXT = 3072, PATH_TEXT = 512 };

/* The files that one kind of control group keeps its figures in. */
typedef struct group_files {
  const char *mount, *limit, *usage, *reclaimable;
} group_files;
static const group_files group_v1 = {"/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes",
                                     "\ntotal_inactive_file "};
static const group_files group_v2 = {"/sys/fs/cgroup", "memory.max", "memory.current", "\ninactive_file "};

/* text[0] is '\n', so that every line can be found by "\nname". False if the file cannot be read. */
static bool read_file(char text[FILE_TEXT], const char *path) {
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  ssize_t length, used = 1;
  text[0] = '\n';
  while (used < FILE_TEXT - 1 && (length = read(file, text + used, (size_t)(FILE_TEXT - 1 - used))) > 0) used += length;
  close(file);
  text[used] = 0;
  return used > 1;
}

/* The number behind `name` in text, or `otherwise`. */
static size_t number_after(const char *text, const char *name, size_t otherwise) {
  const char *at = strstr(text, name);
  if (!at) return otherwise;
  at += strlen(name);
  at += strspn(at, " \t");
  if (*at < '0' || *at > '9') return otherwise; /* "max" */
  return (size_t)strtoull(at, NULL, 10);
}

static size_t scale(size_t value, size_t unit) { return value > SIZE_MAX / unit ? SIZE_MAX : value * unit; }

static void read_machine(hr_available *out, const char *root, char text[FILE_TEXT]) {
  char path[PATH_TEXT];
  snprintf(path, sizeof path, "%s/proc/meminfo", root);
  if (read_file(text, path)) {
    out->total = scale(number_after(text, "\nMemTotal:", SIZE_MAX), 1024);
    out->free = scale(number_after(text, "\nMemAvailable:", SIZE_MAX), 1024);
  }
  snprintf(path, sizeof path, "%s/proc/self/statm", root);
  unsigned long long size, resident, shared;
  if (read_file(text, path) && sscanf(text + 1, "%llu %llu %llu", &size, &resident, &shared) == 3 && resident > shared)
    out->own = scale((size_t)(resident - shared), (size_t)sysconf(_SC_PAGESIZE));
}

static bool read_group_file(char text[FILE_TEXT], const char *root, const group_files *files, const char *group,
                            const char *name) {
  char path[PATH_TEXT];
  int length = snprintf(path, sizeof path, "%s%s%s/%s", root, files->mount, group, name);
  return length < PATH_TEXT && read_file(text, path);
}

/* Narrows `out` by one group's limit. */
static void bound_by_group(hr_available *out, const char *root, const group_files *files, const char *group,
                           char text[FILE_TEXT]) {
  if (!read_group_file(text, root, files, group, files->limit)) return;
  size_t limit = number_after(text, "\n", SIZE_MAX);
  if (limit >= out->total) return; /* version 1 writes "no limit" as a huge number */
  size_t usage = read_group_file(text, root, files, group, files->usage) ? number_after(text, "\n", 0) : 0;
  size_t cached =
      read_group_file(text, root, files, group, "memory.stat") ? number_after(text, files->reclaimable, 0) : 0;
  size_t used = usage > cached ? usage - cached : 0, free = limit > used ? limit - used : 0;
  out->total = limit;
  if (free < out->free) out->free = free;
}

/* The process's group and all above it: each may have the limit that counts. Inside a container the path may name what
 * cannot be seen from there; then only the ancestors that exist count. `group` is cut from its end. */
static void bound_by_groups(hr_available *out, const char *root, const group_files *files, char *group,
                            char text[FILE_TEXT]) {
  for (;;) {
    size_t length = strlen(group);
    while (length > 0 && group[length - 1] == '/') group[--length] = 0;
    bound_by_group(out, root, files, group, text);
    char *slash = strrchr(group, '/');
    if (!slash) return;
    *slash = 0;
  }
}

/* True if a line of /proc/self/cgroup, "number:controllers:path", is the memory controller's, or version 2's. */
static const group_files *files_of(const char *controllers, size_t length) {
  if (length == 0) return &group_v2;
  for (const char *at = controllers; at < controllers + length; at += strcspn(at, ",:") + 1)
    if (strcspn(at, ",:") == 6 && strncmp(at, "memory", 6) == 0) return &group_v1;
  return NULL;
}

static void read_groups(hr_available *out, const char *root, char text[FILE_TEXT]) {
  char path[PATH_TEXT], lines[FILE_TEXT];
  snprintf(path, sizeof path, "%s/proc/self/cgroup", root);
  if (!read_file(lines, path)) return;
  char *rest = NULL;
  for (char *line = strtok_r(lines, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
    char *controllers = strchr(line, ':');
    char *group = controllers ? strchr(controllers + 1, ':') : NULL;
    if (!group) continue;
    const group_files *files = files_of(controllers + 1, (size_t)(group - controllers - 1));
    if (files) bound_by_groups(out, root, files, group + 1, text);
  }
}

void hr_available_read_at(hr_available *out, const char *root) {
  char text[FILE_TEXT];
  *out = (hr_available){.total = SIZE_MAX, .free = SIZE_MAX};
  read_machine(out, root, text);
  read_groups(out, root, text);
  if (out->free > out->total) out->free = out->total;
}

void hr_available_read(hr_available *out) { hr_available_read_at(out, ""); }
