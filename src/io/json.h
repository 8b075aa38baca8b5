/* src/io/json.h - as much of JSON (RFC 8259) as headers of safetensors files need.
 *
 * J1  A reader of our own, because offsets are whole numbers up to 2^64, which libraries such as cJSON keep as doubles,
 *     and because it has to refuse repeated names and to know how deep it is.
 * J2  Strict: UTF-8 is checked, strings are unescaped, a zero character is refused since names end with one in C.
 * J3  Nothing is allocated but strings, each at most as long as its text; nothing recurses. Values that nobody asks for
 *     are skipped to a depth of HR_JSON_DEPTH. */
#ifndef HR_IO_JSON_H
#define HR_IO_JSON_H

#include "io/source.h"

enum { HR_JSON_DEPTH = 64 };

typedef struct hr_json {
  const hr_source *source; /* for the texts of errors */
  const char *text;
  size_t at, length;
} hr_json;

/* hr_fail with the place. */
hr_status hr_json_fail(const hr_json *json, const char *what);

/* The next character that is no space, without taking it; 0 at the end. */
char hr_json_peek(hr_json *json);
/* Takes `ch`, or fails. */
hr_status hr_json_expect(hr_json *json, char ch) HR_MUST_USE;

/* Inside an object or list, after its opening character (`*index` 0) and after each of its values: is there one more?
 * Counts *index up, takes commas and, at the end, `close`. */
hr_status hr_json_more(bool *more, hr_json *json, char close, size_t *index) HR_MUST_USE;

/* A string, of hr_alloc; the caller frees it. */
hr_status hr_json_string(char **out, hr_json *json) HR_MUST_USE;
/* The same with the colon behind it. */
hr_status hr_json_key(char **out, hr_json *json) HR_MUST_USE;
/* A whole number without sign, fraction or exponent, up to 2^64 - 1. */
hr_status hr_json_uint(uint64_t *out, hr_json *json) HR_MUST_USE;
/* The word null, if it is next. */
bool hr_json_null(hr_json *json);
/* Any value. */
hr_status hr_json_skip(hr_json *json) HR_MUST_USE;

/* Length of the UTF-8 sequence at `text`, of at most `bytes`; 0 if there is none that is valid (RFC 3629). */
size_t hr_utf8_length(const char *text, size_t bytes);

/* --- writing: text that grows; `failed` is set when memory is short, and stays --- */

typedef struct hr_text {
  char *data;
  size_t length, capacity;
  bool failed;
} hr_text;

void hr_text_add(hr_text *text, const char *words, size_t bytes);
void hr_text_format(hr_text *text, const char *format, ...) HR_PRINTF(2, 3); /* at most 255 bytes */
/* In quotes, escaped; fails if it is not UTF-8. */
hr_status hr_text_json(hr_text *text, const char *string) HR_MUST_USE;
void hr_text_deinit(hr_text *text);

#endif
