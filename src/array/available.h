/* src/array/available.h - how much memory this process could still get (R21).
 * Linux: the machine's figures, bounded by those of the control groups (version 1 and 2) that the process is in. */
#ifndef HR_ARRAY_AVAILABLE_H
#define HR_ARRAY_AVAILABLE_H

#include <stddef.h>

typedef struct hr_available {
  size_t total; /* bytes: of the machine, or the group's limit if that is less */
  size_t free;  /* bytes that can be used without swapping or reaching a limit; never above total */
  size_t own;   /* bytes of anonymous memory that this process has touched */
} hr_available;

/* Reads a handful of small files: 50 to 100 us. What cannot be read counts as unlimited (SIZE_MAX), own as 0. Any
 * thread. */
void hr_available_read(hr_available *out);

/* The same from files below `root` ("" for the true ones), for tests. */
void hr_available_read_at(hr_available *out, const char *root);

#endif
