/* src/cpu/isa.h - which instruction set the kernels of this process use.
 *
 * Kernel templates (kernels/x_tmpl.c) are compiled once per instruction set; each object leaves one symbol, a const
 * table named by HR_NAME of kernels/elem.h. The file that owns the family picks among them:
 *
 *   HR_ISA_DECLARE(hr_reduce_kernels, hr_reduce_f32);                       // extern const ... hr_reduce_f32_avx2; ...
 *   static const hr_reduce_kernels *const f32[] = HR_ISA_ROW(hr_reduce_f32);
 *   const hr_reduce_kernels *kernels = f32[hr_isa_level()];
 *
 * This header and its users are compiled without any instruction set's flags. The build says with HR_ISA_COUNT how many
 * sets there are: 3 on x86-64, 1 (plain C) elsewhere and under sanitizers. */
#ifndef HR_CPU_ISA_H
#define HR_CPU_ISA_H

#include <stdbool.h>

#ifndef HR_ISA_COUNT
#define HR_ISA_COUNT 1
#endif
#ifndef HR_ISA_HAS_AMX
#define HR_ISA_HAS_AMX 0
#endif
#ifndef HR_ISA_HAS_VNNI
#define HR_ISA_HAS_VNNI 0
#endif

/* Oldest first; a level includes those before it. */
typedef enum hr_isa {
  HR_ISA_BASE,
  HR_ISA_AVX2,  /* with FMA, F16C, BMI2 */
  HR_ISA_AVX512 /* F, CD, BW, DQ, VL: x86-64-v4 */
} hr_isa;

#if HR_ISA_COUNT > 1
#define HR_ISA_DECLARE(type, name) extern const type name##_base, name##_avx2, name##_avx512
#define HR_ISA_ROW(name) \
  { &name##_base, &name##_avx2, &name##_avx512 }
#else
#define HR_ISA_DECLARE(type, name) extern const type name##_base
#define HR_ISA_ROW(name) \
  { &name##_base }
#endif

/* The newest level that was built, that the processor and the operating system support, and that the environment
 * variable HEADRACE_ISA (base, avx2, avx512; read once) does not exclude. The same for the whole life of the process:
 * always an index into HR_ISA_ROW. Any thread. */
hr_isa hr_isa_level(void);

/* Whether kernels for AMX may be used: tile registers with products of bytes and of bfloat16, and AVX-512 VBMI, on top
 * of the newest level. Only templates with a line "hr-isas: amx" are compiled for it, their tables are named ..._amx,
 * and HR_ISA_HAS_AMX says whether the build has them. The first call asks the operating system to save the registers
 * for this process. The environment can exclude it: HEADRACE_ISA has a fourth value, amx. Any thread. */
bool hr_isa_amx(void);

/* The same for products of bytes in vector registers, AVX-512 VNNI, and AVX-512 VBMI: "hr-isas: vnni", ..._vnni,
 * HR_ISA_HAS_VNNI. The environment excludes both with HEADRACE_ISA=avx512. */
bool hr_isa_vnni(void);

#endif
