/* src/cpu/sort_job.h - what the functions share that run the ops of ops/sort.h: the order asked for along a row. */
#ifndef HR_CPU_SORT_JOB_H
#define HR_CPU_SORT_JOB_H

#include <stdbool.h>

#include "base/error.h"
#include "cpu/sort_keys.h"

typedef struct hr_sort_job {
  hr_sort_format format;
  bool gives_places;
  bool parts; /* around the kth; else all are sorted */
  int64_t n, kth;
  int64_t first;                 /* the first place of the order that is stored, at the start of the output's row */
  int64_t in_stride, out_stride; /* bytes along a row */
} hr_sort_job;

/* Stores `count` items that have the places from `place` on, as far as they are asked for. `out` and `row` are the
 * starts of the rows. */
void hr_sort_put(const hr_sort_job *job, char *out, const char *row, int64_t place, const void *items, int64_t count);

/* Rows of more items are worth several workers when they are sorted, when they are parted, and when only what is behind
 * the kth is wanted. */
enum { HR_SORT_LONG = 32768, HR_PART_LONG = 32768, HR_TOP_LONG = 131072 };
/* From here on elements of two bytes are worth a count for each value. */
enum { HR_SORT_COUNT_WIDE = 131072 };

/* One row of so many elements, with the help of idle workers; not inside a parallel loop. Fails only
 * for memory. */
hr_status hr_sort_long(const hr_sort_job *job, char *out, const char *row) HR_MUST_USE;
hr_status hr_part_long(const hr_sort_job *job, char *out, const char *row) HR_MUST_USE;
/* Sorts by counting, where hr_sort_counts() says so: elements of one byte, or many of two bytes. */
bool hr_sort_counts(const hr_sort_job *job);
hr_status hr_sort_count(const hr_sort_job *job, char *out, const char *row) HR_MUST_USE;

#endif
