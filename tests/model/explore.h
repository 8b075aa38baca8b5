/* tests/model/explore.h - visits every state that a few threads can reach together, under any interleaving.
 *
 * A model is a plain struct of bytes and a function that lets one thread do its next atomic step. What the runtime does
 * under a lock, or with one atomic access, is one step. Memory is sequentially consistent, as all accesses are on which
 * the runtime's protocols rely (R8); a store that is not is modelled by a thread of its own that makes it visible
 * later. The search is exhaustive for the small sizes given, so "no fault" is a proof for those sizes, and a fault
 * comes with the shortest road to it. */
#ifndef HR_TESTS_MODEL_EXPLORE_H
#define HR_TESTS_MODEL_EXPLORE_H

#include <stdbool.h>
#include <stddef.h>

enum { MODEL_STATE_MAX = 128, MODEL_ROAD_MAX = 256 };

typedef struct model {
  size_t bytes; /* of a state, at most MODEL_STATE_MAX; the explorer clears it before init(), padding included */
  int threads;
  void (*init)(void *state, const void *config);
  /* False: the thread has ended or must wait for another one; the state is unchanged then. */
  bool (*step)(void *state, int thread, const void *config);
  /* What is wrong in this state, or NULL. `still` says that no thread can go on: then everything must be finished. */
  const char *(*wrong)(const void *state, bool still, const void *config);
} model;

typedef struct verdict {
  const char *fault; /* NULL: none in any reachable state */
  size_t states;
  int road_length; /* the thread that made each step on the way to the fault */
  char road[MODEL_ROAD_MAX + 1];
} verdict;

/* Visits all states; stops at the first fault. Memory that runs out is a fault too. */
void explore(verdict *out, const model *m, const void *config);

#endif
