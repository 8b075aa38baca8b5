/* src/base/lock.c - what a lock does when it is held. After U. Drepper, "Futexes Are Tricky" (2011), mutex 2. */
#include "base/lock.h"

#include "base/futex.h"

/* About 1 to 2 us on x86: longer than the critical sections this lock is for, shorter than a sleep and a wake. */
enum { SPINS = 40 };

void hr_mutex_lock_slow(hr_mutex *mutex) {
  for (int i = 0; i < SPINS; i++) {
    hr_cpu_relax();
    /* relaxed: only a hint that trying is worth it */
    if (hr_load_relaxed(&mutex->state) == 0 && hr_mutex_try_lock(mutex)) return;
  }
  /* Whoever comes this way leaves 2 behind, since others may sleep: at worst the unlock wakes nobody. */
  while (hr_xchg_acquire(&mutex->state, 2u) != 0) hr_futex_wait(&mutex->state, 2, -1);
}

void hr_mutex_unlock_slow(hr_mutex *mutex) { hr_futex_wake(&mutex->state, 1); }
