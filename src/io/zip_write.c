#include <limits.h>
#include <string.h>
#include <zlib.h>

#include "array/buffer.h"
#include "base/memory.h"
#include "io/bytes.h"
#include "io/zip.h"

enum {
  CENTRAL_BYTES = 46,
  LOCAL_BYTES = 30,
  LOCAL_EXTRA = 20,
  CENTRAL_EXTRA = 28,
  END_BYTES = 22,
  LOCATOR_BYTES = 20,
  END64_BYTES = 56,
  FULL16 = 0xFFFF,
  VERSION = 20,
  VERSION64 = 45,
  UTF8_NAME = 0x800,
  FIRST_OF_1980 = 0x21, /* the same archive for the same arrays, whenever it is written */
  DEFLATED = 8,
  DEFLATE_BYTES = 1 << 30
};
static const uint32_t FULL32 = 0xFFFFFFFF;

typedef struct record {
  const char *name;
  uint64_t header, packed, size;
  uint32_t crc;
  uint16_t method;
} record;

static uint16_t flags_of(const char *name) {
  for (; *name; name++)
    if ((unsigned char)*name >= 0x80) return UTF8_NAME;
  return 0;
}

/* What local and central headers share, 26 bytes: version to the length of the name. */
static void put_common(uint8_t *out, const record *r, bool wide) {
  hr_put_u16(out, wide ? VERSION64 : VERSION);
  hr_put_u16(out + 2, flags_of(r->name));
  hr_put_u16(out + 4, r->method);
  hr_put_u16(out + 6, 0);
  hr_put_u16(out + 8, FIRST_OF_1980);
  hr_put_u32(out + 10, r->crc);
  hr_put_u32(out + 14, wide ? FULL32 : (uint32_t)r->packed);
  hr_put_u32(out + 18, wide ? FULL32 : (uint32_t)r->size);
  hr_put_u16(out + 22, (uint16_t)strlen(r->name));
}

/* The wide numbers, `bytes` in all with the head: size, packed size and perhaps the place. */
static void put_extra(uint8_t *out, const record *r, uint16_t bytes) {
  hr_put_u16(out, 1);
  hr_put_u16(out + 2, (uint16_t)(bytes - 4));
  hr_put_u64(out + 4, r->size);
  hr_put_u64(out + 12, r->packed);
  if (bytes == CENTRAL_EXTRA) hr_put_u64(out + 20, r->header);
}

static hr_status put_local(hr_zip_writer *zip, const record *r) {
  bool wide = r->size >= zip->limit || r->packed >= zip->limit;
  uint8_t head[LOCAL_BYTES], extra[LOCAL_EXTRA];
  hr_status status;
  memcpy(head, "PK\3\4", 4);
  put_common(head + 4, r, wide);
  hr_put_u16(head + 28, wide ? LOCAL_EXTRA : 0);
  HR_TRY(hr_sink_write(zip->sink, head, sizeof head));
  HR_TRY(hr_sink_write(zip->sink, r->name, strlen(r->name)));
  put_extra(extra, r, LOCAL_EXTRA);
  if (wide) HR_TRY(hr_sink_write(zip->sink, extra, sizeof extra));
done:
  return status;
}

static hr_status note_central(hr_zip_writer *zip, const record *r) {
  bool wide = r->size >= zip->limit || r->packed >= zip->limit || r->header >= zip->limit;
  uint8_t head[CENTRAL_BYTES] = {0}, extra[CENTRAL_EXTRA];
  memcpy(head, "PK\1\2", 4);
  hr_put_u16(head + 4, wide ? VERSION64 : VERSION);
  put_common(head + 6, r, wide);
  hr_put_u16(head + 30, wide ? CENTRAL_EXTRA : 0);
  hr_put_u32(head + 42, wide ? FULL32 : (uint32_t)r->header);
  hr_text_add(&zip->directory, (const char *)head, sizeof head);
  hr_text_add(&zip->directory, r->name, strlen(r->name));
  put_extra(extra, r, CENTRAL_EXTRA);
  if (wide) hr_text_add(&zip->directory, (const char *)extra, sizeof extra);
  zip->count++;
  return zip->directory.failed ? hr_fail(HR_OUT_OF_MEMORY, "no memory for a zip directory") : HR_OK;
}

/* --- entries --- */

/* All parts as one stream, behind `out`, which has room for what deflateBound() said. */
static hr_status deflate_parts(z_stream *z, uint8_t *out, uint64_t room, const hr_zip_part *parts, size_t count,
                               uint64_t *packed) {
  uint64_t left = room;
  z->next_out = out;
  z->avail_out = 0;
  for (size_t i = 0; i < count; i++) {
    const uint8_t *data = parts[i].data;
    uint64_t bytes = parts[i].bytes;
    int flush, result;
    do {
      unsigned some = bytes < DEFLATE_BYTES ? (unsigned)bytes : DEFLATE_BYTES;
      z->next_in = (z_const Bytef *)data;
      z->avail_in = some;
      data += some;
      bytes -= some;
      flush = i + 1 == count && !bytes ? Z_FINISH : Z_NO_FLUSH;
      do {
        unsigned space = left < DEFLATE_BYTES ? (unsigned)left : DEFLATE_BYTES;
        z->avail_out = space;
        result = deflate(z, flush);
        left -= space - z->avail_out;
      } while (result == Z_OK && left && (z->avail_in || flush == Z_FINISH));
      if (result != Z_STREAM_END && (z->avail_in || flush == Z_FINISH))
        return hr_fail(HR_FAILED, "deflate has failed (%d)", result);
    } while (bytes);
  }
  *packed = room - left;
  return HR_OK;
}

/* Takes memory for the whole of it: sizes stand before the bytes, and a writer cannot go back. */
static hr_status compress_parts(hr_buffer **out, uint64_t *packed, const hr_zip_part *parts, size_t count,
                                uint64_t size) {
  z_stream z = {0};
  if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK)
    return hr_fail(HR_OUT_OF_MEMORY, "no memory to compress");
  uint64_t room = deflateBound(&z, size);
  hr_status status = hr_buffer_new(out, room);
  if (status == HR_OK) status = deflate_parts(&z, (*out)->data, room, parts, count, packed);
  deflateEnd(&z);
  return status;
}

hr_status hr_zip_add(hr_zip_writer *zip, const char *name, const hr_zip_part *parts, size_t part_count,
                     bool compressed) {
  record r = {.name = name, .header = zip->sink->written, .method = compressed ? DEFLATED : 0};
  hr_buffer *packed = NULL;
  char quote[HR_QUOTE];
  hr_status status = HR_OK;
  if (strlen(name) > FULL16) return hr_fail(HR_INVALID, "a name of %zu bytes is too long for zip", strlen(name));
  for (size_t i = 0, length; name[i]; i += length) {
    length = hr_utf8_length(name + i, strlen(name + i));
    if (!length) return hr_fail(HR_INVALID, "\"%s\" is not UTF-8", hr_quote(quote, name, strlen(name)));
  }
  for (size_t i = 0; i < part_count; i++) {
    r.size += parts[i].bytes;
    r.crc = hr_crc32(r.crc, parts[i].data, parts[i].bytes);
  }
  r.packed = r.size;
  if (compressed) HR_TRY(compress_parts(&packed, &r.packed, parts, part_count, r.size));
  HR_TRY(put_local(zip, &r));
  if (compressed) HR_TRY(hr_sink_write(zip->sink, packed->data, r.packed));
  for (size_t i = 0; i < part_count && !compressed; i++)
    HR_TRY(hr_sink_write(zip->sink, parts[i].data, parts[i].bytes));
  HR_TRY(note_central(zip, &r));
done:
  hr_buffer_release(packed);
  return status;
}

/* --- the end --- */

static hr_status put_end64(hr_zip_writer *zip, uint64_t at, uint64_t bytes) {
  uint8_t end[END64_BYTES + LOCATOR_BYTES] = {0};
  memcpy(end, "PK\6\6", 4);
  hr_put_u64(end + 4, END64_BYTES - 12);
  hr_put_u16(end + 12, VERSION64);
  hr_put_u16(end + 14, VERSION64);
  hr_put_u64(end + 24, zip->count);
  hr_put_u64(end + 32, zip->count);
  hr_put_u64(end + 40, bytes);
  hr_put_u64(end + 48, at);
  memcpy(end + END64_BYTES, "PK\6\7", 4);
  hr_put_u64(end + END64_BYTES + 8, at + bytes);
  hr_put_u32(end + END64_BYTES + 16, 1);
  return hr_sink_write(zip->sink, end, sizeof end);
}

hr_status hr_zip_finish(hr_zip_writer *zip) {
  uint64_t at = zip->sink->written, bytes = zip->directory.length;
  bool wide = zip->count >= FULL16 || at >= zip->limit || bytes >= zip->limit;
  uint8_t end[END_BYTES] = {0};
  hr_status status;
  HR_TRY(hr_sink_write(zip->sink, zip->directory.data, bytes));
  if (wide) HR_TRY(put_end64(zip, at, bytes));
  memcpy(end, "PK\5\6", 4);
  hr_put_u16(end + 8, wide ? FULL16 : (uint16_t)zip->count);
  hr_put_u16(end + 10, wide ? FULL16 : (uint16_t)zip->count);
  hr_put_u32(end + 12, wide ? FULL32 : (uint32_t)bytes);
  hr_put_u32(end + 16, wide ? FULL32 : (uint32_t)at);
  HR_TRY(hr_sink_write(zip->sink, end, sizeof end));
done:
  return status;
}
