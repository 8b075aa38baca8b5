/* bench/support.c - see bench.h. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

bool bench_quick;

int64_t bench_count(int64_t n) { return bench_quick ? (n + 9) / 10 : n; }

int64_t bench_now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

double bench_since_ns(int64_t start_ns) { return (double)(bench_now_ns() - start_ns); }

void bench_spin_ns(int64_t ns) {
  for (int64_t end = bench_now_ns() + ns; bench_now_ns() < end;) continue;
}

int64_t bench_resident_bytes(void) {
  long resident = 0, shared = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  if (file == NULL) return 0;
  if (fscanf(file, "%*d %ld %ld", &resident, &shared) != 2) resident = shared = 0;
  fclose(file);
  return (resident - shared) * sysconf(_SC_PAGESIZE);
}

static void start(pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *), void *arg) {
  bench_check(pthread_create(thread, attr, fn, arg), "pthread_create");
}

void bench_threads(int count, void *(*fn)(void *), void *const *args) {
  pthread_t threads[64];
  for (int i = 0; i < count; i++) start(&threads[i], NULL, fn, args[i]);
  for (int i = 0; i < count; i++) pthread_join(threads[i], NULL);
}

void bench_thread_on_stack(void *(*fn)(void *), void *arg, size_t stack_bytes) {
  pthread_t thread;
  pthread_attr_t attr;
  bench_check(pthread_attr_init(&attr), "pthread_attr_init");
  bench_check(pthread_attr_setstacksize(&attr, stack_bytes), "pthread_attr_setstacksize");
  start(&thread, &attr, fn, arg);
  pthread_join(thread, NULL);
  pthread_attr_destroy(&attr);
}

void bench_check(int code, const char *what) {
  if (code == 0) return;
  fprintf(stderr, "headrace-bench: %s failed (%d)\n", what, code);
  exit(1);
}

mlx_stream bench_stream_new(void) {
  mlx_device cpu = mlx_device_new_type(MLX_CPU, 0);
  mlx_stream stream = mlx_stream_new_device(cpu);
  mlx_device_free(cpu);
  bench_check(stream.ctx == NULL, "mlx_stream_new_device");
  return stream;
}

mlx_stream bench_stream(int index) {
  static mlx_stream streams[64];
  if (streams[index].ctx == NULL) streams[index] = bench_stream_new();
  return streams[index];
}

void *bench_memory_new(size_t bytes) {
  enum { HUGE_PAGE = 2 << 20 };
  size_t whole = (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
  void *data = aligned_alloc(HUGE_PAGE, whole);
  bench_check(data == NULL, "aligned_alloc");
  madvise(data, whole, MADV_HUGEPAGE);
  memset(data, 0, whole);
  return data;
}

float *bench_floats_new(int64_t count, float low, float high) {
  float *data = bench_memory_new((size_t)count * sizeof *data);
  uint32_t state = 1;
  for (int64_t i = 0; i < count; i++) {
    state = state * 1664525u + 1013904223u;
    data[i] = low + (high - low) * (float)(state >> 8) * 0x1p-24f;
  }
  return data;
}

static void keep_memory(void *data) { (void)data; }

mlx_array bench_array_new(float *data, const int *shape, int ndim) {
  mlx_array a = mlx_array_new_data_managed(data, shape, ndim, MLX_FLOAT32, keep_memory);
  bench_check(a.ctx == NULL, "mlx_array_new_data_managed");
  return a;
}

void bench_async(mlx_array a) {
  mlx_vector_array arrays = mlx_vector_array_new_value(a);
  BENCH_OK(mlx_async_eval(arrays));
  mlx_vector_array_free(arrays);
}

float bench_item(mlx_array a) {
  float value = 0;
  BENCH_OK(mlx_array_item_float32(&value, a));
  return value;
}

void bench_add_chain(mlx_array *a, mlx_array one, int64_t n, int stream_count) {
  mlx_stream streams[64];
  for (int i = 0; i < stream_count; i++) streams[i] = bench_stream(i);
  for (int64_t i = 0, k = 0; i < n; i++) {
    BENCH_OK(mlx_add(a, *a, one, streams[k]));
    if (++k == stream_count) k = 0;
  }
}
