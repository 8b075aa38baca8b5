#include "sched/chaos.h"

#include <sched.h>
#include <stdlib.h>

_Atomic(bool) hr_chaos_on;
static _Atomic(uint64_t) chaos_state;

void hr_chaos_init(void) {
  const char *seed = getenv("HEADRACE_CHAOS");
  if (!seed || !*seed) return;
  hr_store_relaxed(&chaos_state, strtoull(seed, NULL, 10));
  hr_store_relaxed(&hr_chaos_on, true);
}

/* SplitMix64 (Steele, Lea, Flood 2014) over a shared counter: threads draw different numbers whatever their order. */
static uint64_t draw(void) {
  uint64_t z = hr_add_relaxed(&chaos_state, 0x9e3779b97f4a7c15u) + 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

uint32_t hr_chaos_pick(uint32_t n) { return (uint32_t)(draw() % n); }

void hr_chaos_disturb(void) {
  uint32_t what = hr_chaos_pick(64);
  if (what < 6) sched_yield();
  for (uint32_t i = 0; what >= 60 && i < 400; i++) hr_cpu_relax();
}
