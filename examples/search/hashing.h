/* hashing.h - a passage as a vector: signed feature hashing of words and pairs of words.
 * Source: Weinberger, Dasgupta, Langford, Smola, Attenberg, "Feature Hashing for Large Scale Multitask Learning",
 * 2009. */
#ifndef SEARCH_HASHING_H
#define SEARCH_HASHING_H

#include <stddef.h>

/* Writes `dims` floats (a power of two) of Euclidean length 1, or zeros if the text has no words. Words are runs of
 * ASCII letters and digits and of bytes above 127, lower-cased in ASCII; long words weigh more than short ones. */
void features_of(float *out, size_t dims, const char *text, size_t length);

#endif
