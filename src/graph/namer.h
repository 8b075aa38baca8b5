/* src/graph/namer.h - names of arrays in drawings of graphs: those that the program gives, and A, B, ... Z, AA, ... for
 * all others, which none of the given ones is taken for.
 *
 * A namer holds a reference to every array that has a name in it, so that no other array comes by that name. One thread
 * at a time. */
#ifndef HR_GRAPH_NAMER_H
#define HR_GRAPH_NAMER_H

#include <stdbool.h>

#include "array/array.h"
#include "base/map.h"

/* Numbers 0, 1, 2, ... for addresses, in the order in which they come. All zero is an empty one. */
typedef struct hr_numbering {
  const void **keys; /* by number */
  size_t count, capacity;
  size_t *slots; /* open addressing: 1 + number, 0 is free; at most half full; 2 * capacity of them */
} hr_numbering;

/* The address's number, a new one if it has none yet (then *out_is_new). */
hr_status hr_numbering_add(size_t *out, bool *out_is_new, hr_numbering *numbers, const void *key) HR_MUST_USE;
void hr_numbering_deinit(hr_numbering *numbers);

typedef struct hr_namer {
  hr_numbering numbers; /* of arrays; each is a reference */
  char **names;         /* by number; NULL: not made yet */
  size_t capacity;      /* of `names`, at least numbers.count */
  hr_map given;         /* names of the program, so that none is made twice; values are not used */
  size_t made;          /* names made up */
} hr_namer;

hr_status hr_namer_new(hr_namer **out) HR_MUST_USE;
void hr_namer_free(hr_namer *namer); /* NULL is fine */
/* The text is copied. */
hr_status hr_namer_set(hr_namer *namer, hr_array *array, const char *name) HR_MUST_USE;
/* Valid until the name is set again or the namer freed. */
hr_status hr_namer_get(const char **out, hr_namer *namer, hr_array *array) HR_MUST_USE;

#endif
