/* options.h - what the command line asks for. */
#ifndef SEARCH_OPTIONS_H
#define SEARCH_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

typedef struct options {
  const char *const *paths;
  size_t path_count;
  const char *const *queries;
  size_t query_count;
  int top;      /* passages a query */
  int features; /* length of the hashed vectors, a power of two */
  int dims;     /* after projection */
  int batch;    /* passages a step */
  int window;   /* batches in flight */
  bool compare; /* also one stream after another */
  bool progress;
  bool verbose;
} options;

typedef enum options_verdict { OPTIONS_RUN, OPTIONS_DONE, OPTIONS_BAD } options_verdict;

/* Fills `out` from the command line; keeps pointers into argv. OPTIONS_DONE: help or version was printed. */
options_verdict options_parse(options *out, int argc, char **argv);

#endif
