/* src/base/lock.h - a mutex of four bytes, for critical sections of a few hundred instructions at most.
 * K1  Zero is unlocked: zeroed memory and HR_MUTEX_INIT are ready for use, and nothing needs to be destroyed.
 * K2  Not recursive, not fair, knows no owner. It may be freed as soon as its last holder has unlocked it and nobody
 *     else can lock it.
 * K3  unlock() releases, lock() and a try_lock() that succeeds acquire.
 * K4  Across fork: the thread that forks holds the lock, and unlocks it in parent and child; hr_mutex_reset() instead
 *     forgets a lock that threads of the parent may have waited for.
 * State: 0 free, 1 locked, 2 locked and somebody may sleep. */
#ifndef HR_BASE_LOCK_H
#define HR_BASE_LOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/atomic.h"

typedef struct hr_mutex {
  _Atomic(uint32_t) state;
} hr_mutex;

#define HR_MUTEX_INIT \
  { 0 }

void hr_mutex_lock_slow(hr_mutex *mutex);   /* for hr_mutex_lock() only */
void hr_mutex_unlock_slow(hr_mutex *mutex); /* for hr_mutex_unlock() only */

static inline bool hr_mutex_try_lock(hr_mutex *mutex) {
  uint32_t free = 0;
  return hr_cas_acquire(&mutex->state, &free, 1u);
}
static inline void hr_mutex_lock(hr_mutex *mutex) {
  if (!hr_mutex_try_lock(mutex)) hr_mutex_lock_slow(mutex);
}
static inline void hr_mutex_unlock(hr_mutex *mutex) {
  if (hr_xchg_release(&mutex->state, 0u) == 2) hr_mutex_unlock_slow(mutex);
}
/* In the child of a fork only (K4), or before anybody else knows the mutex. */
static inline void hr_mutex_reset(hr_mutex *mutex) { hr_store_relaxed(&mutex->state, 0u); }

#endif
