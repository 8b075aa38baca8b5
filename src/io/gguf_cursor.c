#include "io/gguf_cursor.h"

#include "base/memory.h"
#include "io/bytes.h"

static hr_status refill(hr_gguf_cursor *c, const char *what) {
  uint64_t left = c->source->size - c->at;
  c->length = 0;
  size_t length = left < HR_GGUF_PIECE ? (size_t)left : HR_GGUF_PIECE;
  hr_status status = hr_source_read(c->source, c->piece, length, c->at, what);
  if (status != HR_OK) return status;
  c->begin = c->at;
  c->length = length;
  return HR_OK;
}

hr_status hr_gguf_take(hr_gguf_cursor *c, void *out, uint64_t bytes, const char *what) {
  char *to = out;
  hr_status status = hr_source_need(c->source, bytes, c->at, what);
  while (bytes && status == HR_OK) {
    uint64_t there = c->begin + c->length - c->at; /* begin <= at <= begin + length */
    if (!there) {
      status = refill(c, what);
      continue;
    }
    uint64_t some = bytes < there ? bytes : there;
    memcpy(to, c->piece + (c->at - c->begin), some);
    to += some;
    c->at += some;
    bytes -= some;
  }
  return status;
}

hr_status hr_gguf_take_u32(uint32_t *out, hr_gguf_cursor *c, const char *what) {
  uint8_t bytes[4] = {0};
  hr_status status = hr_gguf_take(c, bytes, sizeof bytes, what);
  *out = hr_get_u32(bytes);
  return status;
}

hr_status hr_gguf_take_u64(uint64_t *out, hr_gguf_cursor *c, const char *what) {
  uint8_t bytes[8] = {0};
  hr_status status = hr_gguf_take(c, bytes, sizeof bytes, what);
  *out = hr_get_u64(bytes);
  return status;
}

hr_status hr_gguf_take_text(char **out, hr_gguf_cursor *c, const char *what) {
  uint64_t length;
  *out = NULL;
  hr_status status = hr_gguf_take_u64(&length, c, what);
  if (status == HR_OK) status = hr_source_need(c->source, length, c->at, what);
  if (status != HR_OK) return status;
  char *text = hr_alloc(length + 1);
  if (!text) return hr_fail(HR_OUT_OF_MEMORY, "no memory for a text of %llu bytes", (unsigned long long)length);
  status = hr_gguf_take(c, text, length, what);
  if (status == HR_OK && memchr(text, 0, length))
    status = hr_source_fail(c->source, "%s, before byte %llu, has a zero byte", what, (unsigned long long)c->at);
  if (status != HR_OK) {
    hr_free(text);
    return status;
  }
  text[length] = 0;
  *out = text;
  return HR_OK;
}

hr_status hr_gguf_expect(const hr_gguf_cursor *c, uint64_t count, uint64_t bytes, const char *what) {
  uint64_t left = c->source->size - c->at;
  if (count <= left / bytes) return HR_OK;
  return hr_source_fail(c->source, "%llu %s cannot be in the %llu bytes from byte %llu on", (unsigned long long)count,
                        what, (unsigned long long)left, (unsigned long long)c->at);
}
