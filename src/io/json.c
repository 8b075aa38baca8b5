#include "io/json.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

hr_status hr_json_fail(const hr_json *json, const char *what) {
  char quote[HR_QUOTE];
  size_t left = json->length - json->at;
  return hr_source_fail(json->source, "%s at character %zu of the header, before \"%s\"", what, json->at,
                        hr_quote(quote, json->text + json->at, left < 20 ? left : 20));
}

char hr_json_peek(hr_json *json) {
  while (json->at < json->length && strchr(" \t\n\r", json->text[json->at]) && json->text[json->at]) json->at++;
  return json->at < json->length ? json->text[json->at] : 0;
}

hr_status hr_json_expect(hr_json *json, char ch) {
  char what[] = "'x' is missing";
  what[1] = ch;
  if (hr_json_peek(json) != ch) return hr_json_fail(json, what);
  json->at++;
  return HR_OK;
}

hr_status hr_json_more(bool *more, hr_json *json, char close, size_t *index) {
  char next = hr_json_peek(json);
  *more = next != close;
  if (!*more) {
    json->at++;
    return HR_OK;
  }
  if ((*index)++ == 0) return HR_OK;
  hr_status status = hr_json_expect(json, ',');
  return status == HR_OK && hr_json_peek(json) == close ? hr_json_fail(json, "a value is missing") : status;
}

/* --- strings --- */

size_t hr_utf8_length(const char *text, size_t bytes) {
  const unsigned char *s = (const unsigned char *)text;
  if (!bytes) return 0;
  if (s[0] < 0x80) return 1;
  size_t length = s[0] >= 0xF0 ? 4 : s[0] >= 0xE0 ? 3 : 2;
  if (s[0] < 0xC2 || s[0] > 0xF4 || length > bytes) return 0;
  for (size_t i = 1; i < length; i++)
    if ((s[i] & 0xC0) != 0x80) return 0;
  if (s[0] == 0xE0 && s[1] < 0xA0) return 0; /* longer than needed */
  if (s[0] == 0xED && s[1] > 0x9F) return 0; /* half of a pair of UTF-16 */
  if (s[0] == 0xF0 && s[1] < 0x90) return 0; /* longer than needed */
  if (s[0] == 0xF4 && s[1] > 0x8F) return 0; /* above U+10FFFF */
  return length;
}

static size_t put_utf8(char *out, uint32_t code) {
  if (code < 0x80) return out[0] = (char)code, 1;
  size_t length = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  for (size_t i = length - 1; i > 0; i--, code >>= 6) out[i] = (char)(0x80 | (code & 0x3F));
  out[0] = (char)((length == 2 ? 0xC0 : length == 3 ? 0xE0 : 0xF0) | code);
  return length;
}

/* Four hexadecimal digits; -1 if there are none. */
static int32_t take_hex(hr_json *json) {
  int32_t value = 0;
  if (json->length - json->at < 4) return -1;
  for (int i = 0; i < 4; i++) {
    char c = json->text[json->at++];
    int digit = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                       : -1;
    if (digit < 0) return -1;
    value = value << 4 | digit;
  }
  return value;
}

/* After "\u": a character outside the first plane is written as two of UTF-16. */
static bool take_code(hr_json *json, uint32_t *code) {
  int32_t high = take_hex(json), low;
  *code = (uint32_t)high;
  if (high <= 0 || (high >= 0xDC00 && high <= 0xDFFF)) return false;
  if (high < 0xD800 || high > 0xDBFF) return true;
  if (json->length - json->at < 2 || json->text[json->at] != '\\' || json->text[json->at + 1] != 'u') return false;
  json->at += 2;
  low = take_hex(json);
  *code = 0x10000 + ((uint32_t)(high - 0xD800) << 10) + (uint32_t)(low - 0xDC00);
  return low >= 0xDC00 && low <= 0xDFFF;
}

/* After a backslash. Answers how many bytes are written, 0: this is no escape. */
static size_t take_escape(hr_json *json, char *out) {
  static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
  if (json->at == json->length) return 0;
  char c = json->text[json->at++];
  uint32_t code;
  if (c == 'u') return take_code(json, &code) ? put_utf8(out, code) : 0;
  const char *name = c ? strchr(names, c) : NULL;
  if (!name) return 0;
  *out = values[name - names];
  return 1;
}

/* Where the string that begins at json->at ends, without its closing quote; or the end of the text. */
static size_t string_end(const hr_json *json) {
  size_t end = json->at;
  while (end < json->length && json->text[end] != '"') end += json->text[end] == '\\' ? 2 : 1;
  return end < json->length ? end : json->length;
}

/* Escapes never grow: "\uXXXX" stands for at most 3 bytes, two of them for 4. */
static hr_status unescape(hr_json *json, char *out, size_t end) {
  while (json->at < end) {
    size_t length, begin = json->at;
    if (json->text[begin] == '\\') {
      json->at++;
      length = take_escape(json, out);
      if (!length || json->at > end) return hr_json_fail(json, "this is no escape of JSON");
    } else {
      length = hr_utf8_length(json->text + begin, end - begin);
      if (!length) return hr_json_fail(json, "this is no UTF-8");
      if ((unsigned char)json->text[begin] < ' ') return hr_json_fail(json, "a string has a control character");
      memcpy(out, json->text + begin, length);
      json->at += length;
    }
    out += length;
  }
  *out = 0;
  return HR_OK;
}

hr_status hr_json_string(char **out, hr_json *json) {
  *out = NULL;
  hr_status status = hr_json_expect(json, '"');
  if (status != HR_OK) return hr_json_fail(json, "a string is missing");
  size_t end = string_end(json);
  if (end == json->length) return hr_json_fail(json, "a string does not end");
  char *text = hr_alloc(end - json->at + 1);
  if (!text) return hr_fail(HR_OUT_OF_MEMORY, "no memory for a string of %zu bytes", end - json->at);
  status = unescape(json, text, end);
  if (status != HR_OK) {
    hr_free(text);
    return status;
  }
  json->at = end + 1;
  *out = text;
  return HR_OK;
}

hr_status hr_json_key(char **out, hr_json *json) {
  hr_status status = hr_json_string(out, json);
  if (status == HR_OK) status = hr_json_expect(json, ':');
  if (status == HR_OK) return HR_OK;
  hr_free(*out);
  *out = NULL;
  return status;
}

/* --- other values --- */

hr_status hr_json_uint(uint64_t *out, hr_json *json) {
  char c = hr_json_peek(json);
  size_t begin = json->at;
  *out = 0;
  if (c < '0' || c > '9') return hr_json_fail(json, "a whole number is missing");
  for (; json->at < json->length; json->at++) {
    c = json->text[json->at];
    if (c < '0' || c > '9') break;
    if (*out > (UINT64_MAX - (uint64_t)(c - '0')) / 10) return hr_json_fail(json, "a number is above 2^64 - 1");
    *out = 10 * *out + (uint64_t)(c - '0');
  }
  if (json->text[begin] == '0' && json->at > begin + 1) return hr_json_fail(json, "a number begins with 0");
  c = json->at < json->length ? json->text[json->at] : 0;
  return c == '.' || c == 'e' || c == 'E' ? hr_json_fail(json, "a number is not whole") : HR_OK;
}

static bool take_word(hr_json *json, const char *word) {
  size_t length = strlen(word);
  hr_json_peek(json);
  if (json->length - json->at < length || memcmp(json->text + json->at, word, length) != 0) return false;
  json->at += length;
  return true;
}

bool hr_json_null(hr_json *json) { return take_word(json, "null"); }

/* A string, number or word. */
static hr_status skip_simple(hr_json *json) {
  char c = hr_json_peek(json), *text;
  if (c == '"') {
    hr_status status = hr_json_string(&text, json);
    hr_free(text);
    return status;
  }
  if (take_word(json, "null") || take_word(json, "true") || take_word(json, "false")) return HR_OK;
  size_t begin = json->at;
  while (json->at < json->length && json->text[json->at] && strchr("+-.0123456789eE", json->text[json->at])) json->at++;
  return json->at > begin ? HR_OK : hr_json_fail(json, "a value is missing");
}

/* Flat, with a stack of what closes and how many values there were. */
hr_status hr_json_skip(hr_json *json) {
  char close[HR_JSON_DEPTH], *key;
  size_t index[HR_JSON_DEPTH], depth = 0;
  hr_status status;
  for (;;) {
    char c = hr_json_peek(json);
    if (c == '{' || c == '[') {
      if (depth == HR_JSON_DEPTH) return hr_json_fail(json, "values are nested too deeply");
      close[depth] = c == '{' ? '}' : ']';
      index[depth++] = 0;
      json->at++;
    } else {
      status = skip_simple(json);
      if (status != HR_OK) return status;
    }
    bool more = false;
    while (depth && !more) {
      status = hr_json_more(&more, json, close[depth - 1], &index[depth - 1]);
      if (status != HR_OK) return status;
      depth -= !more;
    }
    if (!depth) return HR_OK;
    if (close[depth - 1] == ']') continue;
    status = hr_json_key(&key, json);
    hr_free(key);
    if (status != HR_OK) return status;
  }
}

/* --- writing --- */

void hr_text_add(hr_text *text, const char *words, size_t bytes) {
  if (text->failed) return;
  if (text->capacity - text->length < bytes) {
    size_t capacity = 2 * (text->length + bytes) + 256;
    char *data = hr_realloc(text->data, capacity);
    if (!data) {
      text->failed = true;
      return;
    }
    text->data = data;
    text->capacity = capacity;
  }
  memcpy(text->data + text->length, words, bytes);
  text->length += bytes;
}

void hr_text_format(hr_text *text, const char *format, ...) {
  char words[256];
  va_list args;
  va_start(args, format);
  int length = vsnprintf(words, sizeof words, format, args);
  va_end(args);
  hr_text_add(text, words, (size_t)length < sizeof words ? (size_t)length : sizeof words - 1);
}

hr_status hr_text_json(hr_text *text, const char *string) {
  char quote[HR_QUOTE];
  size_t left = strlen(string), all = left;
  hr_text_add(text, "\"", 1);
  while (left) {
    size_t length = hr_utf8_length(string + all - left, left);
    char c = string[all - left];
    if (!length) return hr_fail(HR_INVALID, "\"%s\" is not UTF-8", hr_quote(quote, string, all));
    if (c == '"' || c == '\\' || (unsigned char)c < ' ')
      hr_text_format(text, "\\u%04x", (unsigned)(unsigned char)c);
    else
      hr_text_add(text, string + all - left, length);
    left -= length;
  }
  hr_text_add(text, "\"", 1);
  return HR_OK;
}

void hr_text_deinit(hr_text *text) {
  hr_free(text->data);
  *text = (hr_text){0};
}
