/* progress.h - one line on standard error that shows how far the search is. */
#ifndef SEARCH_PROGRESS_H
#define SEARCH_PROGRESS_H

#include <stddef.h>
#include <stdint.h>

#include "options.h"

/* Draws at most ten times a second; nothing if the options turn it off. */
void progress_show(const options *o, const char *what, size_t batches, uint64_t bytes, uint64_t total_bytes);
/* Clears the line. */
void progress_end(const options *o);

#endif
