/* src/base/atomic.h - atomic operations with their order in the name. Every use says, where it is not obvious, what a
 * release publishes and which acquire it pairs with. No stand-alone fences: ThreadSanitizer cannot see them (R8). */
#ifndef HR_BASE_ATOMIC_H
#define HR_BASE_ATOMIC_H

#include <stdatomic.h>

#define hr_load_relaxed(p)     atomic_load_explicit((p), memory_order_relaxed)
#define hr_load_acquire(p)     atomic_load_explicit((p), memory_order_acquire)
#define hr_load_seq_cst(p)     atomic_load_explicit((p), memory_order_seq_cst)
#define hr_store_relaxed(p, v) atomic_store_explicit((p), (v), memory_order_relaxed)
#define hr_store_release(p, v) atomic_store_explicit((p), (v), memory_order_release)
#define hr_store_seq_cst(p, v) atomic_store_explicit((p), (v), memory_order_seq_cst)
#define hr_xchg_acquire(p, v)  atomic_exchange_explicit((p), (v), memory_order_acquire)
#define hr_xchg_acq_rel(p, v)  atomic_exchange_explicit((p), (v), memory_order_acq_rel)
#define hr_xchg_release(p, v)  atomic_exchange_explicit((p), (v), memory_order_release)
#define hr_xchg_seq_cst(p, v)  atomic_exchange_explicit((p), (v), memory_order_seq_cst)
#define hr_add_relaxed(p, v)   atomic_fetch_add_explicit((p), (v), memory_order_relaxed)
#define hr_add_acq_rel(p, v)   atomic_fetch_add_explicit((p), (v), memory_order_acq_rel)
#define hr_add_seq_cst(p, v)   atomic_fetch_add_explicit((p), (v), memory_order_seq_cst)
#define hr_sub_relaxed(p, v)   atomic_fetch_sub_explicit((p), (v), memory_order_relaxed)
#define hr_sub_acq_rel(p, v)   atomic_fetch_sub_explicit((p), (v), memory_order_acq_rel)
#define hr_sub_seq_cst(p, v)   atomic_fetch_sub_explicit((p), (v), memory_order_seq_cst)
/* Strong compare-and-swap; *expected receives what was found when it fails. */
#define hr_cas_acquire(p, expected, v) \
  atomic_compare_exchange_strong_explicit((p), (expected), (v), memory_order_acquire, memory_order_acquire)
#define hr_cas_acq_rel(p, expected, v) \
  atomic_compare_exchange_strong_explicit((p), (expected), (v), memory_order_acq_rel, memory_order_acquire)
#define hr_cas_seq_cst(p, expected, v) \
  atomic_compare_exchange_strong_explicit((p), (expected), (v), memory_order_seq_cst, memory_order_seq_cst)

/* Tells the core that this is a wait loop; costs 40 to 140 cycles on x86. */
static inline void hr_cpu_relax(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("isb");
#endif
}

#endif
