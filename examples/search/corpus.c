#include "corpus.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- the list of files --- */

static bool add_file(corpus *c, const char *path, uint64_t bytes) {
  if (c->file_count == c->file_room) {
    size_t room = c->file_room ? 2 * c->file_room : 256;
    char **files = realloc(c->files, room * sizeof *files);
    if (!files) return false;
    c->files = files;
    c->file_room = room;
  }
  c->files[c->file_count] = strdup(path);
  if (!c->files[c->file_count]) return false;
  c->file_count++;
  c->total_bytes += bytes;
  return true;
}

static int by_name(const FTSENT **a, const FTSENT **b) { return strcmp((*a)->fts_name, (*b)->fts_name); }

static void complain(corpus *c, const char *path, int error) {
  c->skipped_unreadable++;
  if (c->verbose || c->skipped_unreadable <= 5) fprintf(stderr, "search: cannot read %s: %s\n", path, strerror(error));
  if (!c->verbose && c->skipped_unreadable == 5) fprintf(stderr, "search: (further ones are only counted)\n");
}

static bool visit(corpus *c, const FTSENT *entry) {
  switch (entry->fts_info) {
    case FTS_F:
      if (access(entry->fts_accpath, R_OK) != 0) {
        complain(c, entry->fts_path, errno);
        return true;
      }
      return entry->fts_statp->st_size == 0 || add_file(c, entry->fts_path, (uint64_t)entry->fts_statp->st_size);
    case FTS_DNR:
    case FTS_ERR:
    case FTS_NS: complain(c, entry->fts_path, entry->fts_errno); return true;
    case FTS_DEFAULT: c->skipped_other++; return true; /* devices, sockets, pipes */
    default: return true;
  }
}

static bool collect_path(corpus *c, const char *path) {
  char *copy = strdup(path);
  if (!copy) return false;
  char *roots[] = {copy, NULL};
  /* Links below a root are not followed: they could lead in circles. A root that is a link is. */
  FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, by_name);
  bool ok = walk != NULL;
  for (FTSENT *entry; ok && (entry = fts_read(walk));) ok = visit(c, entry);
  if (walk) fts_close(walk);
  free(copy);
  return ok;
}

bool corpus_collect(corpus *c, const char *const *paths, size_t count, bool verbose) {
  *c = (corpus){.verbose = verbose};
  for (size_t i = 0; i < count; i++)
    if (!collect_path(c, paths[i])) {
      fprintf(stderr, "search: no memory for the list of files\n");
      return false;
    }
  return true;
}

/* --- reading --- */

static void close_file(corpus *c) {
  if (c->open) fclose(c->open);
  c->open = NULL;
  c->has_pending = false;
}

void corpus_rewind(corpus *c) {
  close_file(c);
  c->next_file = c->passage_count = 0;
  c->bytes_read = 0;
  c->skipped_binary = 0;
}

/* A zero byte, or more than a few control characters, among the first bytes: not text. */
static bool looks_binary(FILE *f) {
  unsigned char head[1024];
  size_t got = fread(head, 1, sizeof head, f), odd = 0;
  rewind(f);
  for (size_t i = 0; i < got; i++) {
    if (head[i] == 0) return true;
    odd += head[i] < 32 && !strchr("\t\n\r\f\b\033", head[i]);
  }
  return odd > got / 50;
}

/* Opens the next file that is text; false at the end. */
static bool open_next(corpus *c) {
  while (c->next_file < c->file_count) {
    const char *path = c->files[c->next_file++];
    struct stat info;
    c->open = fopen(path, "re");
    c->line = 0;
    if (!c->open) {
      complain(c, path, errno);
    } else if (looks_binary(c->open)) {
      c->skipped_binary++;
      if (c->verbose) fprintf(stderr, "search: %s is not text: passed over\n", path);
      if (fstat(fileno(c->open), &info) == 0) c->bytes_read += (uint64_t)info.st_size;
      close_file(c);
    } else {
      posix_fadvise(fileno(c->open), 0, 0, POSIX_FADV_SEQUENTIAL);
      return true;
    }
  }
  return false;
}

/* One line into the pending place; longer ones come in pieces. False at the end of the file. */
static bool fetch_line(corpus *c) {
  if (c->has_pending) return true;
  if (!fgets(c->pending, sizeof c->pending, c->open)) {
    if (ferror(c->open)) complain(c, c->files[c->next_file - 1], errno);
    return false;
  }
  c->has_pending = true;
  c->bytes_read += strlen(c->pending);
  c->line++;
  return true;
}

static bool blank(const char *line) { return line[strspn(line, " \t\r\n\f")] == 0; }

/* Whole lines of the open file, up to the length of a passage. */
static size_t gather(corpus *c, char *text, size_t room, place *where) {
  size_t length = 0;
  while (length < PASSAGE_BYTES && fetch_line(c)) {
    size_t line = strlen(c->pending);
    bool empty = blank(c->pending);
    if (length + line >= room) break;
    if (empty && length >= PASSAGE_BYTES / 2) break;
    c->has_pending = false;
    if (empty && length == 0) continue;
    if (length == 0) where->line = c->line;
    memcpy(text + length, c->pending, line);
    length += line;
    where->lines = c->line - where->line + 1;
  }
  text[length] = 0;
  return length;
}

static bool note_place(corpus *c, const place *where) {
  if (c->passage_count == c->place_room) {
    size_t room = c->place_room ? 2 * c->place_room : 4096;
    place *places = realloc(c->places, room * sizeof *places);
    if (!places) return false;
    c->places = places;
    c->place_room = room;
  }
  c->places[c->passage_count++] = *where;
  return true;
}

corpus_status corpus_next(corpus *c, char *text, size_t room, size_t *out_length) {
  for (;;) {
    if (!c->open && !open_next(c)) return CORPUS_END;
    place where = {.file = (uint32_t)(c->next_file - 1)};
    size_t length = gather(c, text, room, &where);
    if (length) {
      *out_length = length;
      return note_place(c, &where) ? CORPUS_PASSAGE : CORPUS_NO_MEMORY;
    }
    close_file(c);
  }
}

void corpus_print(const corpus *c, const place *where, uint32_t max_lines, FILE *out) {
  char line[LINE_BYTES];
  FILE *f = fopen(c->files[where->file], "re");
  if (!f) return;
  for (uint32_t at = 1; at < where->line + where->lines && fgets(line, sizeof line, f); at++) {
    if (at < where->line) continue;
    if (at - where->line == max_lines) {
      fprintf(out, "      ...\n");
      break;
    }
    line[strcspn(line, "\r\n")] = 0;
    for (char *p = line; *p; p++)
      if ((unsigned char)*p < 32 && *p != '\t') *p = ' '; /* no terminal control from files */
    fprintf(out, "      %.110s\n", line);
  }
  fclose(f);
}

void corpus_free(corpus *c) {
  close_file(c);
  for (size_t i = 0; i < c->file_count; i++) free(c->files[i]);
  free(c->files);
  free(c->places);
  *c = (corpus){0};
}
