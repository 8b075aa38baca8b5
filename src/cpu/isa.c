/* src/cpu/isa.c - see isa.h. */
#include "cpu/isa.h"

#include <stdlib.h>
#include <string.h>

#include "base/atomic.h"

#if HR_ISA_COUNT > 1
#include <cpuid.h>

/* __builtin_cpu_supports also asks whether the operating system saves the registers. It does not know f16c in all
 * compilers, hence the look at cpuid leaf 1, ecx bit 29. */
static hr_isa detect(void) {
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c >> 29 & 1u)) return HR_ISA_BASE;
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") || !__builtin_cpu_supports("bmi2"))
    return HR_ISA_BASE;
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
    return HR_ISA_AVX512;
  return HR_ISA_AVX2;
}
#else
static hr_isa detect(void) { return HR_ISA_BASE; }
#endif

static hr_isa limit_of_environment(void) {
  static const char *const names[] = {[HR_ISA_BASE] = "base", [HR_ISA_AVX2] = "avx2", [HR_ISA_AVX512] = "avx512"};
  const char *text = getenv("HEADRACE_ISA");
  for (int i = 0; text && i <= HR_ISA_AVX512; i++)
    if (!strcmp(text, names[i])) return (hr_isa)i;
  return HR_ISA_AVX512;
}

hr_isa hr_isa_level(void) {
  static _Atomic(int) known = -1; /* relaxed: every thread that finds -1 computes the same value */
  int level = hr_load_relaxed(&known);
  if (level < 0) {
    hr_isa found = detect(), limit = limit_of_environment();
    level = (int)(found < limit ? found : limit);
    hr_store_relaxed(&known, level);
  }
  return (hr_isa)level;
}
