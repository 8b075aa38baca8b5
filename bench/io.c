/* bench/io.c - loading and saving, beside read() into and write() from memory that has been touched. The files lie in
 * TMPDIR or /tmp; loads find them in memory, saves are synced in both. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "mlx/c/io.h"

enum { Mi = 1 << 20, ARRAYS = 64, PATH_BYTES = 512 };

static int64_t floats(void) { return bench_count(64 * Mi) / ARRAYS * ARRAYS; }

static float *data(void) {
  static float *memory;
  if (memory == NULL) memory = bench_floats_new(floats(), -1, 1);
  return memory;
}

static const char *path_of(const char *name) {
  static char path[PATH_BYTES];
  const char *folder = getenv("TMPDIR");
  snprintf(path, sizeof path, "%s/headrace-bench-%d-%s", folder ? folder : "/tmp", (int)getpid(), name);
  return path;
}

/* All of a file into memory, once. */
static double read_ns(const char *path, char *to, size_t bytes) {
  int64_t start = bench_now_ns();
  int fd = open(path, O_RDONLY);
  bench_check(fd < 0, "opening a file");
  for (size_t at = 0; at < bytes;) {
    ssize_t got = read(fd, to + at, bytes - at);
    bench_check(got <= 0, "reading a file");
    at += (size_t)got;
  }
  close(fd);
  return bench_since_ns(start);
}

static double write_ns(const char *path, const char *from, size_t bytes) {
  int64_t start = bench_now_ns();
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  bench_check(fd < 0, "opening a file");
  for (size_t at = 0; at < bytes;) {
    ssize_t put = write(fd, from + at, bytes - at);
    bench_check(put <= 0, "writing a file");
    at += (size_t)put;
  }
  bench_check(fsync(fd), "syncing a file");
  close(fd);
  return bench_since_ns(start);
}

static void *target(void) {
  static void *memory;
  if (memory == NULL) memory = bench_memory_new((size_t)floats() * sizeof(float));
  return memory;
}

static mlx_array load_once(const char *path) {
  mlx_array a = mlx_array_new();
  BENCH_OK(mlx_load(&a, path, bench_stream(0)));
  BENCH_OK(mlx_array_eval(a));
  return a;
}

static void run_load(const void *arg, bench_sample *out) {
  (void)arg;
  size_t bytes = (size_t)floats() * sizeof(float);
  char path[PATH_BYTES];
  strcpy(path, path_of("load.npy"));
  mlx_array a = bench_array_new(data(), (int[]){(int)floats()}, 1);
  BENCH_OK(mlx_save(path, a));
  mlx_array_free(a);
  mlx_array_free(load_once(path)); /* the memory of the result is there from now on */
  int64_t start = bench_now_ns();
  a = load_once(path);
  out[0].value = (double)bytes / bench_since_ns(start);
  bench_check(memcmp(mlx_array_data_float32(a), data(), bytes) != 0, "what was loaded");
  mlx_array_free(a);
  out[0].limit = (double)bytes / read_ns(path, target(), bytes);
  unlink(path);
}

static void load_all(const char *path) {
  mlx_map_string_to_array arrays = mlx_map_string_to_array_new();
  mlx_map_string_to_string words = mlx_map_string_to_string_new();
  mlx_vector_array all = mlx_vector_array_new();
  BENCH_OK(mlx_load_safetensors(&arrays, &words, path, bench_stream(0)));
  mlx_map_string_to_array_iterator it = mlx_map_string_to_array_iterator_new(arrays);
  mlx_array a = mlx_array_new();
  const char *key;
  while (mlx_map_string_to_array_iterator_next(&key, &a, it) == 0) BENCH_OK(mlx_vector_array_append_value(all, a));
  BENCH_OK(mlx_eval(all));
  mlx_array_free(a);
  mlx_map_string_to_array_iterator_free(it);
  mlx_vector_array_free(all);
  mlx_map_string_to_array_free(arrays);
  mlx_map_string_to_string_free(words);
}

static void run_load_many(const void *arg, bench_sample *out) {
  (void)arg;
  int64_t part = floats() / ARRAYS;
  size_t bytes = (size_t)floats() * sizeof(float);
  char path[PATH_BYTES], key[32];
  strcpy(path, path_of("load.safetensors"));
  mlx_map_string_to_array arrays = mlx_map_string_to_array_new();
  mlx_map_string_to_string words = mlx_map_string_to_string_new();
  for (int i = 0; i < ARRAYS; i++) {
    mlx_array a = bench_array_new(data() + i * part, (int[]){(int)part}, 1);
    snprintf(key, sizeof key, "layer.%d.weight", i);
    BENCH_OK(mlx_map_string_to_array_insert(arrays, key, a));
    mlx_array_free(a);
  }
  BENCH_OK(mlx_save_safetensors(path, arrays, words));
  mlx_map_string_to_array_free(arrays);
  mlx_map_string_to_string_free(words);
  load_all(path);
  int64_t start = bench_now_ns();
  load_all(path);
  out[0].value = (double)bytes / bench_since_ns(start);
  out[0].limit = (double)bytes / read_ns(path, target(), bytes);
  unlink(path);
}

static void run_save(const void *arg, bench_sample *out) {
  (void)arg;
  size_t bytes = (size_t)floats() * sizeof(float);
  char path[PATH_BYTES];
  strcpy(path, path_of("save.npy"));
  mlx_array a = bench_array_new(data(), (int[]){(int)floats()}, 1);
  int64_t start = bench_now_ns();
  BENCH_OK(mlx_save(path, a));
  out[0].value = (double)bytes / bench_since_ns(start);
  mlx_array_free(a);
  unlink(path);
  strcpy(path, path_of("save.raw"));
  out[0].limit = (double)bytes / write_ns(path, (const char *)data(), bytes);
  unlink(path);
}

static const bench_case cases[] = {
    {.rows = {{"io/load .npy of 256 MiB, in memory", "GB/s", BENCH_MORE, BENCH_OF_RATIO, 1}}, .run = run_load},
    {.rows = {{"io/load .safetensors, 64 x 4 MiB, in memory", "GB/s", BENCH_MORE, BENCH_OF_RATIO, 1}},
     .run = run_load_many},
    {.rows = {{"io/save .npy of 256 MiB, synced", "GB/s", BENCH_MORE, BENCH_OF_RATIO, 0.9}}, .run = run_save},
};

const bench_group bench_io = {cases, sizeof cases / sizeof cases[0]};
