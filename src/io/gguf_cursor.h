/* src/io/gguf_cursor.h - a place in the header of a GGUF file that only moves on. Reads ahead in pieces. One thread. */
#ifndef HR_IO_GGUF_CURSOR_H
#define HR_IO_GGUF_CURSOR_H

#include "io/source.h"

enum { HR_GGUF_PIECE = 1 << 16 };

typedef struct hr_gguf_cursor {
  hr_source *source; /* borrowed */
  uint64_t at;       /* bytes taken so far */
  uint64_t begin;    /* of the piece, in the source */
  size_t length;     /* of the piece */
  uint8_t piece[HR_GGUF_PIECE];
} hr_gguf_cursor;

/* Each takes what it names, or fails with `what` in the text: "the key of an entry". */
hr_status hr_gguf_take(hr_gguf_cursor *c, void *out, uint64_t bytes, const char *what) HR_MUST_USE;
hr_status hr_gguf_take_u32(uint32_t *out, hr_gguf_cursor *c, const char *what) HR_MUST_USE;
hr_status hr_gguf_take_u64(uint64_t *out, hr_gguf_cursor *c, const char *what) HR_MUST_USE;
/* A text of hr_alloc, which the caller frees; one with a zero byte, which C could not tell from its end, is an error.
 */
hr_status hr_gguf_take_text(char **out, hr_gguf_cursor *c, const char *what) HR_MUST_USE;
/* Fails unless `count` things of at least `bytes` each can still come. */
hr_status hr_gguf_expect(const hr_gguf_cursor *c, uint64_t count, uint64_t bytes, const char *what) HR_MUST_USE;

#endif
