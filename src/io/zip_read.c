/* Sources that are entries of an archive. */
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "base/memory.h"
#include "io/zip.h"
#include "sched/parallel.h"

enum { PIECE_BYTES = 64 << 10, CRC_BYTES = 1 << 20, CRC_PIECES = 64, INFLATE_BYTES = 1 << 30, DEFLATED = 8 };

typedef struct entry_source {
  hr_source base;
  hr_source *archive;
  uint64_t data, packed;
  uint32_t crc;
  uint16_t method;
} entry_source;

/* --- CRC-32 --- */

typedef struct crc_work {
  const uint8_t *data;
  uint64_t bytes;
  uint32_t crcs[CRC_PIECES];
} crc_work;

static uint64_t piece_bytes(const crc_work *w, int64_t piece) {
  uint64_t left = w->bytes - (uint64_t)piece * CRC_BYTES;
  return left < CRC_BYTES ? left : CRC_BYTES;
}

static void crc_pieces(void *ctx, int64_t first, int64_t end) {
  crc_work *w = ctx;
  for (int64_t i = first; i < end; i++) w->crcs[i] = (uint32_t)crc32_z(0, w->data + i * CRC_BYTES, piece_bytes(w, i));
}

uint32_t hr_crc32(uint32_t crc, const void *data, uint64_t bytes) {
  const uint8_t *at = data;
  while (bytes) {
    uint64_t some = bytes < (uint64_t)CRC_PIECES * CRC_BYTES ? bytes : (uint64_t)CRC_PIECES * CRC_BYTES;
    crc_work w = {.data = at, .bytes = some};
    int64_t pieces = (int64_t)((some + CRC_BYTES - 1) / CRC_BYTES);
    hr_parallel_range(pieces, 1, crc_pieces, &w);
    for (int64_t i = 0; i < pieces; i++) crc = (uint32_t)crc32_combine(crc, w.crcs[i], (z_off_t)piece_bytes(&w, i));
    at += some;
    bytes -= some;
  }
  return crc;
}

/* --- reading --- */

static hr_status check_crc(const entry_source *e, uint32_t crc) {
  if (crc == e->crc) return HR_OK;
  return hr_source_fail(&e->base, "its bytes have the checksum %08x, not %08x", crc, e->crc);
}

static hr_status read_stored(entry_source *e, uint8_t *to, uint64_t bytes, uint64_t offset) {
  uint8_t *before = NULL;
  hr_status status;
  HR_TRY(hr_source_read(e->archive, to, bytes, e->data + offset, "an entry"));
  if (offset + bytes < e->base.size) return HR_OK;
  before = hr_alloc(PIECE_BYTES);
  if (!before) return hr_fail(HR_OUT_OF_MEMORY, "no memory to read an entry");
  uint32_t crc = 0;
  for (uint64_t at = 0; at < offset;) {
    uint64_t some = offset - at < PIECE_BYTES ? offset - at : PIECE_BYTES;
    HR_TRY(hr_source_read(e->archive, before, some, e->data + at, "an entry"));
    crc = hr_crc32(crc, before, some);
    at += some;
  }
  HR_TRY(check_crc(e, hr_crc32(crc, to, bytes)));
done:
  hr_free(before);
  return status;
}

/* A stream that is being unpacked. */
typedef struct unpacking {
  entry_source *entry;
  z_stream z;
  uint64_t taken, given; /* packed bytes read, bytes made */
  uint32_t crc;
  bool over;
  uint8_t packed[PIECE_BYTES];
} unpacking;

static hr_status bad_stream(const unpacking *u) {
  return hr_source_fail(&u->entry->base, "its compressed bytes are broken or end too soon, after %llu of %llu",
                        (unsigned long long)u->given, (unsigned long long)u->entry->base.size);
}

static hr_status refill(unpacking *u) {
  uint64_t left = u->entry->packed - u->taken;
  unsigned some = left < PIECE_BYTES ? (unsigned)left : PIECE_BYTES;
  if (!some) return bad_stream(u);
  hr_status status = hr_source_read(u->entry->archive, u->packed, some, u->entry->data + u->taken, "an entry");
  u->z.next_in = u->packed;
  u->z.avail_in = some;
  u->taken += some;
  return status;
}

/* The next `bytes` bytes. */
static hr_status unpack(unpacking *u, uint8_t *to, uint64_t bytes) {
  while (bytes) {
    if (u->over) return bad_stream(u);
    if (!u->z.avail_in) {
      hr_status status = refill(u);
      if (status != HR_OK) return status;
    }
    unsigned room = bytes < INFLATE_BYTES ? (unsigned)bytes : INFLATE_BYTES;
    u->z.next_out = to;
    u->z.avail_out = room;
    int result = inflate(&u->z, Z_NO_FLUSH);
    if (result == Z_MEM_ERROR) return hr_fail(HR_OUT_OF_MEMORY, "no memory to unpack an entry");
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) return bad_stream(u);
    u->over = result == Z_STREAM_END;
    unsigned made = room - u->z.avail_out;
    u->crc = (uint32_t)crc32_z(u->crc, to, made);
    to += made;
    bytes -= made;
    u->given += made;
  }
  return HR_OK;
}

/* The stream ends, and the checksum is right. */
static hr_status finish(unpacking *u) {
  while (!u->over) {
    uint8_t more;
    if (!u->z.avail_in) {
      hr_status status = refill(u);
      if (status != HR_OK) return status;
    }
    u->z.next_out = &more;
    u->z.avail_out = 1;
    int result = inflate(&u->z, Z_NO_FLUSH);
    u->over = result == Z_STREAM_END;
    if ((result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) || !u->z.avail_out)
      return hr_source_fail(&u->entry->base, "its compressed bytes hold more than %llu bytes",
                            (unsigned long long)u->entry->base.size);
  }
  return check_crc(u->entry, u->crc);
}

static hr_status read_deflated(entry_source *e, uint8_t *to, uint64_t bytes, uint64_t offset) {
  uint8_t before[4096];
  unpacking *u = hr_alloc_zero(sizeof *u);
  if (!u) return hr_fail(HR_OUT_OF_MEMORY, "no memory to unpack an entry");
  u->entry = e;
  bool begun = inflateInit2(&u->z, -MAX_WBITS) == Z_OK;
  hr_status status = begun ? HR_OK : hr_fail(HR_OUT_OF_MEMORY, "no memory to unpack an entry");
  while (status == HR_OK && u->given < offset)
    status = unpack(u, before, offset - u->given < sizeof before ? offset - u->given : sizeof before);
  if (status == HR_OK) status = unpack(u, to, bytes);
  if (status == HR_OK && offset + bytes == e->base.size) status = finish(u);
  if (begun) inflateEnd(&u->z);
  hr_free(u);
  return status;
}

static hr_status entry_read(hr_source *source, void *to, uint64_t bytes, uint64_t offset) {
  entry_source *e = (entry_source *)source;
  return (e->method == DEFLATED ? read_deflated : read_stored)(e, to, bytes, offset);
}

static void entry_deinit(hr_source *source) {
  hr_source_release(((entry_source *)source)->archive);
  hr_free(source);
}

static const hr_source_kind entry_kind = {entry_read, entry_deinit};

hr_status hr_zip_open(hr_source **out, hr_source *archive, const hr_zip_entry *entry) {
  char label[512], quote[HR_QUOTE];
  *out = NULL;
  entry_source *e = hr_alloc_zero(sizeof *e);
  if (!e) return hr_fail(HR_OUT_OF_MEMORY, "no memory to open an entry");
  snprintf(label, sizeof label, "%s: \"%s\"", archive->label, hr_quote(quote, entry->name, strlen(entry->name)));
  hr_status status = hr_source_init(&e->base, &entry_kind, entry->size, label);
  if (status != HR_OK) {
    hr_free(e);
    return status;
  }
  e->base.file = archive->file;
  e->archive = hr_source_retain(archive);
  e->data = entry->data;
  e->packed = entry->packed;
  e->crc = entry->crc;
  e->method = entry->method;
  *out = &e->base;
  return HR_OK;
}
