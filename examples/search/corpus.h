/* corpus.h - the text files under some paths, read one after another and cut into passages.
 *
 * A passage is a run of whole lines of one file, about PASSAGE_BYTES long; an empty line ends one that is long enough.
 * One reader at a time; nothing is kept but the list of files and, for each passage, where it stands (12 bytes). */
#ifndef SEARCH_CORPUS_H
#define SEARCH_CORPUS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { PASSAGE_BYTES = 600, LINE_BYTES = 4096 };

typedef struct place {
  uint32_t file, line, lines; /* lines count from 1 */
} place;

typedef struct corpus {
  char **files;
  size_t file_count, file_room;
  uint64_t total_bytes;
  size_t skipped_binary, skipped_unreadable, skipped_other;
  bool verbose;
  /* Reader. */
  size_t next_file;
  FILE *open;
  uint32_t line;
  _Atomic(uint64_t) bytes_read; /* others may look while the reader goes on */
  char pending[LINE_BYTES];     /* a line read that begins the next passage */
  bool has_pending;
  place *places; /* of all passages so far */
  size_t passage_count, place_room;
} corpus;

/* Collects the files under each path, sorted by name, so that every run sees the same order. Says on stderr which
 * paths it cannot read. False, with a message on stderr, if there is no memory. */
bool corpus_collect(corpus *c, const char *const *paths, size_t count, bool verbose);

/* Begins again at the first file. */
void corpus_rewind(corpus *c);

typedef enum corpus_status { CORPUS_PASSAGE, CORPUS_END, CORPUS_NO_MEMORY } corpus_status;

/* The next passage's text (without its end-of-line characters changed) into text[room]; its place is noted under the
 * number passage_count - 1. Files that turn out to be binary or unreadable are counted and passed over. */
corpus_status corpus_next(corpus *c, char *text, size_t room, size_t *out_length);

/* Reads a place's lines again and prints them, indented, at most max_lines. */
void corpus_print(const corpus *c, const place *where, uint32_t max_lines, FILE *out);

void corpus_free(corpus *c);

#endif
