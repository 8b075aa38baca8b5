/* src/base/futex.h - sleep until a word changes.
 * The system's futex on Linux, elsewhere a table of condition variables (futex.c; -DHR_FUTEX_PORTABLE forces it).
 * F1  A thread sleeps only if *word still is `expected` at that time, so: change the word, then wake.
 * F2  A wait may return early for no reason: callers look at the word again, in a loop.
 * F3  Processes do not share these words. No errors: a wait that the system refuses returns at once, as in F2. */
#ifndef HR_BASE_FUTEX_H
#define HR_BASE_FUTEX_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Sleeps while *word == expected, at most timeout_ns nanoseconds from now; -1: without limit. False: the time ran out.
 * Reads the word with no order of its own: the caller's own load after it must acquire. */
bool hr_futex_wait(_Atomic(uint32_t) *word, uint32_t expected, int64_t timeout_ns);

/* Wakes up to `count` (> 0) of the threads that sleep on word; INT_MAX for all. The word may be freed memory by then
 * (that of a waiter which was woken by another road): it is used as an address only. */
void hr_futex_wake(_Atomic(uint32_t) *word, int count);

#endif
