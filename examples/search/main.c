/* search - similarity search over text files on three overlapping streams. `search --help` explains it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "corpus.h"
#include "options.h"
#include "pipeline.h"

enum { LINES_SHOWN = 4 };

static void report_hits(const corpus *c, const options *o, const hit *hits) {
  for (size_t q = 0; q < o->query_count; q++) {
    printf("\n\"%s\"\n", o->queries[q]);
    for (int k = 0; k < o->top; k++) {
      const hit *h = &hits[q * (size_t)o->top + (size_t)k];
      if (h->passage < 0) continue;
      const place *p = &c->places[h->passage];
      printf("  %.3f  %s:%u-%u\n", (double)h->score, c->files[p->file], p->line, p->line + p->lines - 1);
      corpus_print(c, p, LINES_SHOWN, stdout);
    }
  }
}

static void report_times(const timing *in_turn, const timing *overlapped, const corpus *c) {
  double mb = (double)c->bytes_read / 1e6;
  printf("\n%zu passages of %zu files, %.1f MB", overlapped->passages, c->file_count - c->skipped_binary, mb);
  if (c->skipped_binary) printf("; %zu files are not text", c->skipped_binary);
  if (c->skipped_unreadable) printf("; %zu could not be read", c->skipped_unreadable);
  printf("\n");
  if (in_turn)
    printf("one after another: %.2f s  (read and hash %.2f, project %.2f, answer %.2f)\n", in_turn->total_s,
           in_turn->stage_s[0], in_turn->stage_s[1], in_turn->stage_s[2]);
  printf("overlapped:        %.2f s  (%.0f MB/s)\n", overlapped->total_s, mb / overlapped->total_s);
  if (in_turn) printf("overlap:           %.2f times as fast\n", in_turn->total_s / overlapped->total_s);
}

static int search(const options *o, corpus *c) {
  size_t bytes = o->query_count * (size_t)o->top * sizeof(hit);
  hit *hits = malloc(bytes), *again = malloc(bytes);
  timing in_turn, overlapped;
  int result = 1;
  if (!hits || !again) {
    fprintf(stderr, "search: no memory for %zu results\n", bytes / sizeof(hit));
    goto done;
  }
  if (o->compare && !pipeline_run(again, &in_turn, c, o, false)) goto done;
  if (!pipeline_run(hits, &overlapped, c, o, true)) goto done;
  if (overlapped.passages == 0) {
    fprintf(stderr, "search: none of the %zu files is text\n", c->file_count);
    goto done;
  }
  report_hits(c, o, hits);
  report_times(o->compare ? &in_turn : NULL, &overlapped, c);
  result = 0;
  if (o->compare && memcmp(hits, again, bytes) != 0) {
    fprintf(stderr, "search: the two runs found different passages; did files change meanwhile?\n");
    result = 1;
  }
done:
  free(hits);
  free(again);
  return result;
}

int main(int argc, char **argv) {
  options o;
  corpus c;
  options_verdict verdict = options_parse(&o, argc, argv);
  if (verdict != OPTIONS_RUN) return verdict == OPTIONS_DONE ? 0 : 2;
  if (o.path_count == 0) {
    fprintf(stderr, "search: no path given, and none of the usual places for text is on this machine\n");
    return 2;
  }
  int result = 1;
  if (!corpus_collect(&c, o.paths, o.path_count, o.verbose)) {
    result = 1;
  } else if (c.file_count == 0) {
    fprintf(stderr, "search: no file to read under %s%s\n", o.paths[0], o.path_count > 1 ? " and the other paths" : "");
  } else {
    result = search(&o, &c);
  }
  corpus_free(&c);
  return result;
}
