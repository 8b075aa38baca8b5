/* src/cpu/lapack.c - see lapack.h. */
#include "cpu/lapack.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/atomic.h"
#include "base/memory.h"

#ifndef RTLD_DEEPBIND
#define RTLD_DEEPBIND 0 /* of the GNU C library; without it the first definition in the process is taken */
#endif

/* --- the routines --- */

typedef struct routine {
  const char *name;
  size_t offset;
} routine;

static const routine REAL[] = {
    {"gemm", offsetof(hr_lapack_real, gemm)},   {"trsm", offsetof(hr_lapack_real, trsm)},
    {"laswp", offsetof(hr_lapack_real, laswp)}, {"potrf", offsetof(hr_lapack_real, potrf)},
    {"potri", offsetof(hr_lapack_real, potri)}, {"getrf", offsetof(hr_lapack_real, getrf)},
    {"getri", offsetof(hr_lapack_real, getri)}, {"getrs", offsetof(hr_lapack_real, getrs)},
    {"trtri", offsetof(hr_lapack_real, trtri)}, {"trtrs", offsetof(hr_lapack_real, trtrs)},
    {"geqrf", offsetof(hr_lapack_real, geqrf)}, {"orgqr", offsetof(hr_lapack_real, orgqr)},
    {"syevd", offsetof(hr_lapack_real, syevd)}, {"geev", offsetof(hr_lapack_real, geev)},
    {"gesdd", offsetof(hr_lapack_real, gesdd)},
};
static const routine COMPLEX[] = {
    {"heevd", offsetof(hr_lapack_complex, heevd)},
    {"geev", offsetof(hr_lapack_complex, geev)},
    {"gesdd", offsetof(hr_lapack_complex, gesdd)},
};
enum { REAL_COUNT = sizeof REAL / sizeof *REAL, COMPLEX_COUNT = sizeof COMPLEX / sizeof *COMPLEX };

/* POSIX says that what dlsym() gives may be stored as a pointer to a function. */
static bool find_all(void *handle, void *table, char prefix, const routine *routines, int count) {
  for (int i = 0; i < count; i++) {
    char name[16];
    snprintf(name, sizeof name, "%c%s_", prefix, routines[i].name);
    void *found = dlsym(handle, name);
    if (!found) return false;
    memcpy((char *)table + routines[i].offset, &found, sizeof found);
  }
  return true;
}

static bool bind(hr_lapack *out, void *handle) {
  void *get = dlsym(handle, "omp_get_max_threads"), *set = dlsym(handle, "omp_set_num_threads");
  *out = (hr_lapack){0};
  if (get && set) {
    memcpy(&out->threads_get, &get, sizeof get);
    memcpy(&out->threads_set, &set, sizeof set);
  }
  return find_all(handle, &out->f32, 's', REAL, REAL_COUNT) && find_all(handle, &out->f64, 'd', REAL, REAL_COUNT) &&
         find_all(handle, &out->c64, 'c', COMPLEX, COMPLEX_COUNT);
}

/* --- the search --- */

/* AddressSanitizer and its kin end a process that asks for RTLD_DEEPBIND, also when only the program has them. */
static int open_flags(void) {
  static const char *const MARKS[] = {"__asan_init", "__tsan_init", "__msan_init"};
  for (size_t i = 0; i < sizeof MARKS / sizeof *MARKS; i++)
    if (dlsym(RTLD_DEFAULT, MARKS[i])) return RTLD_NOW | RTLD_LOCAL;
  return RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND;
}

/* Debian and its kin keep each form of a library in a folder of its own beside the C library. Where that is, a function
 * tells that no program or sanitizer puts its own in place of. */
static bool system_path(char path[PATH_MAX], const char *name) {
  Dl_info info;
  void *libc = dlsym(RTLD_DEFAULT, "gnu_get_libc_version");
  if (!libc || !dladdr(libc, &info) || !info.dli_fname) return false;
  const char *slash = strrchr(info.dli_fname, '/');
  int length = slash ? (int)(slash - info.dli_fname) : 0;
  return length && snprintf(path, PATH_MAX, "%.*s/%s", length, info.dli_fname, name) < PATH_MAX;
}

static void *open_system(const char *name) {
  char path[PATH_MAX];
  return system_path(path, name) ? dlopen(path, open_flags()) : NULL;
}

/* OpenBLAS says which form it is: 0 without threads, 1 with a pool of its own, 2 with OpenMP. Other libraries pass. */
static bool threads_fit(void *handle) {
  void *found = dlsym(handle, "openblas_get_parallel");
  int (*parallel)(void);
  if (!found) return true;
  memcpy(&parallel, &found, sizeof found);
  return parallel() == 2;
}

/* A program that has the same OpenBLAS runs it with threads, whose number would change under it (L3 holds for OpenMP's
 * number, not for OpenBLAS's own copy of it): then it is not a candidate. In a private one that copy is made 1 before
 * two threads can find it different. */
static void *open_openmp(const char *path) {
  void *loaded = dlopen(path, RTLD_LAZY | RTLD_NOLOAD);
  if (loaded) {
    dlclose(loaded);
    return NULL;
  }
  return dlopen(path, open_flags());
}

static void *open_debian_openmp(void) {
  char path[PATH_MAX];
  return system_path(path, "openblas-openmp/libopenblas.so.0") ? open_openmp(path) : NULL;
}

static void *open_fedora_openmp(void) { return open_openmp("libopenblaso.so.0"); }

static void make_single(const hr_lapack *lapack, void *handle) {
  void *found = dlsym(handle, "openblas_set_num_threads");
  void (*set)(int);
  if (!found || !lapack->threads_get) return;
  memcpy(&set, &found, sizeof found);
  int entered = hr_lapack_enter(lapack);
  set(1);
  lapack->threads_set(entered);
}

/* The BLAS first: LAPACK then takes the one that is loaded under the name that it asks for. */
static void *open_reference(void) {
  void *blas = open_system("blas/libblas.so.3");
  void *lapack = open_system("lapack/liblapack.so.3");
  if (!lapack && blas) dlclose(blas);
  return lapack;
}

static void *open_plain(void) { return dlopen("liblapack.so.3", open_flags()); }

static hr_status load_named(hr_lapack *out, const char *path) {
  void *handle = dlopen(path, open_flags());
  if (!handle) return hr_fail(HR_IO, "LAPACK: HEADRACE_LAPACK: %s", dlerror());
  if (bind(out, handle)) return HR_OK;
  dlclose(handle);
  return hr_fail(HR_IO, "LAPACK: HEADRACE_LAPACK: %s lacks routines of LAPACK", path);
}

static hr_status load(hr_lapack *out) {
  static void *(*const SEARCH[])(void) = {open_debian_openmp, open_fedora_openmp, open_reference, open_plain};
  const char *named = getenv("HEADRACE_LAPACK");
  if (named && *named) return load_named(out, named);
  for (size_t i = 0; i < sizeof SEARCH / sizeof *SEARCH; i++) {
    void *handle = SEARCH[i]();
    if (!handle) continue;
    if (threads_fit(handle) && bind(out, handle)) {
      make_single(out, handle);
      return HR_OK;
    }
    dlclose(handle);
  }
  return hr_fail(
      HR_IO,
      "LAPACK was not found: install libopenblas0-openmp (Debian, Ubuntu) or openblas-openmp (Fedora), or the "
      "slower liblapack3 with libblas3, or name a library in HEADRACE_LAPACK");
}

/* No lock is held while the library loads, so a fork at that time leaves none behind: of two threads that load at once
 * one table is kept, and the other's handle stays as a second reference. */
static _Atomic(hr_lapack *) loaded_table;

hr_status hr_lapack_get(const hr_lapack **out) {
  *out = hr_load_acquire(&loaded_table);
  if (*out) return HR_OK;
  hr_lapack *table = hr_alloc(sizeof *table), *other = NULL;
  if (!table) return hr_fail(HR_OUT_OF_MEMORY, "LAPACK: no memory for the table of its routines");
  hr_status status = load(table);
  if (status == HR_OK && hr_cas_acq_rel(&loaded_table, &other, table)) {
    *out = table;
    return HR_OK;
  }
  hr_free(table);
  *out = other;
  return other ? HR_OK : status;
}

int hr_lapack_enter(const hr_lapack *lapack) {
  int before = lapack->threads_get ? lapack->threads_get() : 1;
  if (before != 1) lapack->threads_set(1);
  return before;
}

void hr_lapack_leave(const hr_lapack *lapack, int entered) {
  if (entered != 1) lapack->threads_set(entered);
}
