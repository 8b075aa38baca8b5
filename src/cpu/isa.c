/* src/cpu/isa.c - see isa.h. */
#include "cpu/isa.h"

#include <stdlib.h>
#include <string.h>

#include "base/atomic.h"

#if HR_ISA_HAS_AMX
#include <sys/syscall.h>
#include <unistd.h>
#endif

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

/* Index into the names; all of them without a limit. */
static int limit_of_environment(void) {
  static const char *const names[] = {"base", "avx2", "avx512", "amx"}; /* in the order of hr_isa */
  const char *text = getenv("HEADRACE_ISA");
  for (int i = 0; text && i < 4; i++)
    if (!strcmp(text, names[i])) return i;
  return 3;
}

hr_isa hr_isa_level(void) {
  static _Atomic(int) known = -1; /* relaxed: every thread that finds -1 computes the same value */
  int level = hr_load_relaxed(&known);
  if (level < 0) {
    int found = (int)detect(), limit = limit_of_environment();
    level = found < limit ? found : limit;
    hr_store_relaxed(&known, level);
  }
  return (hr_isa)level;
}

#if HR_ISA_HAS_AMX
/* cpuid leaf 7: AVX-512 VBMI, AMX for bfloat16, its tiles, AMX for bytes; AVX-512 BF16. Linux lets a process use tile
 * registers (component 18 of its saved state) when it has asked for them, since they make the frames of signals 8 KiB
 * longer. */
static bool detect_amx(void) {
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (hr_isa_level() != HR_ISA_AVX512 || limit_of_environment() <= HR_ISA_AVX512) return false;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(c >> 1 & 1u) || (d >> 22 & 0xdu) != 0xd) return false;
  if (!__get_cpuid_count(7, 1, &a, &b, &c, &d) || !(a >> 5 & 1u)) return false;
  return syscall(SYS_arch_prctl, 0x1023 /* ARCH_REQ_XCOMP_PERM */, 18) == 0;
}
#else
static bool detect_amx(void) { return false; }
#endif

bool hr_isa_amx(void) {
  static _Atomic(int) known = -1; /* relaxed: as above */
  int has = hr_load_relaxed(&known);
  if (has < 0) hr_store_relaxed(&known, has = detect_amx());
  return has;
}

#if HR_ISA_HAS_VNNI
/* cpuid leaf 7, ecx: bit 1 AVX-512 VBMI, bit 11 AVX-512 VNNI. */
static bool detect_vnni(void) {
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (hr_isa_level() != HR_ISA_AVX512 || limit_of_environment() <= HR_ISA_AVX512) return false;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (c >> 1 & c >> 11 & 1u);
}
#else
static bool detect_vnni(void) { return false; }
#endif

bool hr_isa_vnni(void) {
  static _Atomic(int) known = -1; /* relaxed: as above */
  int has = hr_load_relaxed(&known);
  if (has < 0) hr_store_relaxed(&known, has = detect_vnni());
  return has;
}
