/* bench/dnnl_direct.c - see dnnl_direct.h. */
#include "dnnl_direct.h"

#include <dlfcn.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include "bench.h"

/* The signature of dnnl_sgemm() in dnnl.h; 0 is success. */
typedef int (*sgemm_fn)(char transa, char transb, int64_t m, int64_t n, int64_t k, float alpha, const float *a,
                        int64_t lda, const float *b, int64_t ldb, float beta, float *c, int64_t ldc);

/* dlsym() answers void *, which C does not convert to a function. */
void *bench_dnnl_library(void) {
  static const char *const names[] = {"libdnnl.so.3", "libdnnl.so.2", "libdnnl.so"};
  static void *library;
  for (int i = 0; library == NULL && i < 3; i++) library = dlopen(names[i], RTLD_NOW | RTLD_GLOBAL);
  if (library == NULL) return NULL;
  void *set_threads = dlsym(library, "omp_set_num_threads");
  void (*set)(int);
  memcpy(&set, &set_threads, sizeof set);
  if (set_threads != NULL) set(2);
  return library;
}

void bench_dnnl_rest(void) { nanosleep(&(struct timespec){.tv_nsec = 40000000}, NULL); }

static sgemm_fn find_sgemm(void) {
  void *library = bench_dnnl_library();
  if (library == NULL) return NULL;
  void *symbol = dlsym(library, "dnnl_sgemm");
  sgemm_fn sgemm;
  memcpy(&sgemm, &symbol, sizeof sgemm);
  return sgemm;
}

double bench_dnnl_seconds(float *out, const float *a, const float *b, int n, int rounds) {
  static bool looked;
  static sgemm_fn sgemm;
  if (!looked) sgemm = find_sgemm();
  looked = true;
  if (sgemm == NULL) return 0;
  int64_t start = 0;
  for (int i = -1; i < rounds; i++) {
    if (i == 0) start = bench_now_ns();
    bench_check(sgemm('N', 'N', n, n, n, 1, a, n, b, n, 0, out, n), "dnnl_sgemm");
  }
  double seconds = bench_since_ns(start) * 1e-9 / rounds;
  bench_dnnl_rest();
  return seconds;
}
