/* bench/bench.h - headrace-bench: rows, how they are measured, and words that the files of rows share.
 *
 * A case measures one or a few rows. One call of its function takes one sample of each row; the program makes the
 * call once to warm up, then several times, and reports medians. A sample holds the value and, where there is one,
 * the limit: what plain C, another library or a simpler way to do the same reaches, measured in the same call, so
 * that both see the same noise. The program sees the public interface only.
 *
 * Threads: cases run on the main thread, one after the other. Errors of the library end the program: see bench_check.
 * */
#ifndef HR_BENCH_BENCH_H
#define HR_BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "mlx/c/mlx.h"

/* What a row's goal is about; better says whether it bounds from below or above. */
typedef enum bench_goal { BENCH_NO_GOAL, BENCH_OF_VALUE, BENCH_OF_RATIO } bench_goal;
typedef enum bench_better { BENCH_LESS, BENCH_MORE } bench_better;

typedef struct bench_row {
  const char *name; /* unique; "engine/build" */
  const char *unit; /* of value and limit */
  bench_better better;
  bench_goal on;
  double goal; /* of the value, or of value / limit */
} bench_row;

typedef struct bench_sample {
  double value; /* NAN: failed */
  double limit; /* 0: there is none */
} bench_sample;

enum { BENCH_ROWS_MAX = 4 };

typedef struct bench_case {
  bench_row rows[BENCH_ROWS_MAX]; /* up to the first without a name */
  /* Writes a sample for each row. */
  void (*run)(const void *arg, bench_sample *out);
  const void *arg;
  /* Each sample in a process of its own, without a warm-up: for memory that only grows, and for what may crash. */
  bool alone;
} bench_case;

typedef struct bench_group {
  const bench_case *cases;
  int case_count;
} bench_group;

/* One group a file. */
extern const bench_group bench_engine;
extern const bench_group bench_streams;
extern const bench_group bench_latency;
extern const bench_group bench_kernels;
extern const bench_group bench_math;
extern const bench_group bench_move;
extern const bench_group bench_forms;
extern const bench_group bench_numbers;
extern const bench_group bench_fast;
extern const bench_group bench_fft;
extern const bench_group bench_convs;
extern const bench_group bench_matmul;
extern const bench_group bench_quant;
extern const bench_group bench_io;
extern const bench_group bench_linalg;
extern const bench_group bench_memory;
extern const bench_group bench_train;

/* True with --quick: fewer samples and smaller graphs, for a look; goals are judged all the same. */
extern bool bench_quick;
/* n, or with --quick a tenth of it. */
int64_t bench_count(int64_t n);

/* --- time and processes (support.c) --- */

int64_t bench_now_ns(void);
/* Nanoseconds since `start_ns`. */
double bench_since_ns(int64_t start_ns);
/* Occupies the thread for `ns`. */
void bench_spin_ns(int64_t ns);
/* Bytes of the process in memory, without what is mapped from files. */
int64_t bench_resident_bytes(void);

/* Starts `count` threads (at most 64) with fn(arg of its own), and returns when all have ended. */
void bench_threads(int count, void *(*fn)(void *), void *const *args);
/* The same with one thread on a stack of `stack_bytes`. */
void bench_thread_on_stack(void *(*fn)(void *), void *arg, size_t stack_bytes);

/* --- the library in short (support.c) --- */

/* Ends the program with a message if `code`, of a call of the library, is not 0. */
void bench_check(int code, const char *what);
#define BENCH_OK(expr) bench_check((expr), #expr)

/* A new CPU stream; the caller frees it. */
mlx_stream bench_stream_new(void);
/* One that lives as long as the process: `index` 0 to 63. */
mlx_stream bench_stream(int index);
/* Bytes for numbers: page aligned, on huge pages where there are any, touched. Never freed. */
void *bench_memory_new(size_t bytes);
/* Such memory with `count` values in [low, high). */
float *bench_floats_new(int64_t count, float low, float high);
/* An array over float32 data as above; the caller frees the handle. */
mlx_array bench_array_new(float *data, const int *shape, int ndim);
/* Queues the array's evaluation. */
void bench_async(mlx_array a);
float bench_item(mlx_array a);
/* a = a + one, `n` times in turn on the `stream_count` streams from bench_stream(0) on. */
void bench_add_chain(mlx_array *a, mlx_array one, int64_t n, int stream_count);

#endif
