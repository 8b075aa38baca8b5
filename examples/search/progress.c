#include "progress.h"

#include <stdio.h>
#include <time.h>

enum { WIDTH = 32 };

void progress_show(const options *o, const char *what, size_t batches, uint64_t bytes, uint64_t total_bytes) {
  static double shown; /* one thread draws */
  struct timespec t;
  if (!o->progress) return;
  clock_gettime(CLOCK_MONOTONIC, &t);
  double now = (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
  if (now - shown < 0.1) return;
  shown = now;
  double part = total_bytes ? (double)bytes / (double)total_bytes : 1;
  int filled = (int)(part * WIDTH);
  fprintf(stderr, "\r  %-18s [", what);
  for (int i = 0; i < WIDTH; i++) fputc(i < filled ? '#' : '.', stderr);
  fprintf(stderr, "] %3.0f%%  %.1f MB read, %zu batches answered ", 100 * part, (double)bytes / 1e6, batches);
  fflush(stderr);
}

void progress_end(const options *o) {
  if (o->progress) fprintf(stderr, "\r%100s\r", "");
}
