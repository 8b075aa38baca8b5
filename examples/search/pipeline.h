/* pipeline.h - the search itself: three streams and a window of batches between them. */
#ifndef SEARCH_PIPELINE_H
#define SEARCH_PIPELINE_H

#include <stdbool.h>

#include "corpus.h"
#include "options.h"

typedef struct hit {
  float score;
  int passage; /* number in the corpus, -1: none */
} hit;

typedef struct timing {
  double total_s;
  double stage_s[3]; /* read and hash, project, answer: only when they ran one after another */
  size_t passages, batches;
} timing;

/* Searches the whole corpus from its beginning. hits: query_count rows of `top`, best first. One after another (every
 * stage waits for the one before) or overlapped. False, with a message on stderr, when something failed. */
bool pipeline_run(hit *hits, timing *out, corpus *c, const options *o, bool overlapped);

#endif
