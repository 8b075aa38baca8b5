/* The list of an archive. */
#include "io/zip.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "io/bytes.h"

enum {
  END_BYTES = 22,
  LONGEST_COMMENT = 65535,
  LOCATOR_BYTES = 20,
  END64_BYTES = 56,
  CENTRAL_BYTES = 46,
  LOCAL_BYTES = 30,
  FULL16 = 0xFFFF,
  ZIP64_EXTRA = 1,
  ENCRYPTED = 1,
  DEFLATE_RATIO = 1032,
  LONGEST_DIRECTORY = 1 << 30
};
static const uint32_t FULL32 = 0xFFFFFFFF, LOCAL = 0x04034b50, CENTRAL = 0x02014b50, END = 0x06054b50,
                      END64 = 0x06064b50, LOCATOR = 0x07064b50;

typedef struct directory {
  uint64_t count, bytes, at, end; /* `end`: nothing else may begin before it */
} directory;

void hr_zip_deinit(hr_zip *zip) {
  for (uint64_t i = 0; i < zip->count; i++) hr_free(zip->entries[i].name);
  hr_free(zip->entries);
  *zip = (hr_zip){0};
}

/* --- where the directory is --- */

/* The last record that ends where the archive does. */
static hr_status find_end(hr_source *archive, uint64_t *at, uint8_t end[END_BYTES]) {
  uint64_t bytes = archive->size < END_BYTES + LONGEST_COMMENT ? archive->size : END_BYTES + LONGEST_COMMENT;
  uint64_t begin = archive->size - bytes, i = bytes;
  uint8_t *tail = hr_alloc(bytes);
  if (!tail) return hr_fail(HR_OUT_OF_MEMORY, "no memory to read a zip archive");
  hr_status status = hr_source_read(archive, tail, bytes, begin, "the end of the archive");
  if (status != HR_OK) goto done;
  status = HR_FAILED;
  for (i = bytes < END_BYTES ? 0 : bytes - END_BYTES + 1; i-- > 0 && status != HR_OK;)
    if (hr_get_u32(tail + i) == END && i + END_BYTES + hr_get_u16(tail + i + 20) == bytes) {
      memcpy(end, tail + i, END_BYTES);
      *at = begin + i;
      status = HR_OK;
    }
  if (status != HR_OK) status = hr_source_fail(archive, "this is no zip archive (its end record is missing)");
done:
  hr_free(tail);
  return status;
}

/* The numbers that did not fit are in a record that is found through another one right before the end. */
static hr_status find_zip64(hr_source *archive, directory *d) {
  uint8_t locator[LOCATOR_BYTES], end[END64_BYTES];
  hr_status status;
  if (d->end < LOCATOR_BYTES) return hr_source_fail(archive, "the zip64 locator is missing");
  HR_TRY(hr_source_read(archive, locator, LOCATOR_BYTES, d->end - LOCATOR_BYTES, "the zip64 locator"));
  if (hr_get_u32(locator) != LOCATOR) return hr_source_fail(archive, "the zip64 locator is missing");
  uint64_t at = hr_get_u64(locator + 8);
  HR_TRY(hr_source_read(archive, end, END64_BYTES, at, "the zip64 end record"));
  if (hr_get_u32(end) != END64)
    return hr_source_fail(archive, "there is no zip64 end record at byte %llu", (unsigned long long)at);
  d->count = hr_get_u64(end + 32);
  d->bytes = hr_get_u64(end + 40);
  d->at = hr_get_u64(end + 48);
  d->end = at;
done:
  return status;
}

static hr_status find_directory(hr_source *archive, directory *d) {
  uint8_t end[END_BYTES] = {0};
  hr_status status = find_end(archive, &d->end, end);
  if (status != HR_OK) return status;
  if (hr_get_u16(end + 4) != 0 && hr_get_u16(end + 4) != FULL16)
    return hr_source_refuse(archive, HR_UNSUPPORTED, "zip archives in several parts cannot be loaded");
  d->count = hr_get_u16(end + 10);
  d->bytes = hr_get_u32(end + 12);
  d->at = hr_get_u32(end + 16);
  if (d->count == FULL16 || d->bytes == FULL32 || d->at == FULL32) status = find_zip64(archive, d);
  if (status != HR_OK) return status;
  if (d->at > d->end || d->bytes > d->end - d->at || d->bytes > LONGEST_DIRECTORY ||
      d->count > d->bytes / CENTRAL_BYTES)
    return hr_source_fail(archive, "a directory of %llu entries in %llu bytes cannot be at byte %llu of %llu",
                          (unsigned long long)d->count, (unsigned long long)d->bytes, (unsigned long long)d->at,
                          (unsigned long long)d->end);
  return HR_OK;
}

/* --- its entries --- */

/* The wide numbers of an entry, in this order, those of them that are full. */
static bool take_zip64(hr_zip_entry *e, const uint8_t *extra, size_t bytes) {
  uint64_t *wide[] = {&e->size, &e->packed, &e->header};
  while (bytes >= 4) {
    size_t length = hr_get_u16(extra + 2);
    if (length > bytes - 4) return false;
    if (hr_get_u16(extra) == ZIP64_EXTRA) {
      const uint8_t *at = extra + 4;
      for (int i = 0; i < 3; i++) {
        if (*wide[i] != FULL32) continue;
        if (at + 8 > extra + 4 + length) return false;
        *wide[i] = hr_get_u64(at);
        at += 8;
      }
    }
    extra += 4 + length;
    bytes -= 4 + length;
  }
  return true;
}

static hr_status broken(const hr_source *archive, uint64_t place) {
  return hr_source_fail(archive, "the entry of the zip directory at byte %llu is broken", (unsigned long long)place);
}

/* One entry at `*at` of the directory's text. */
static hr_status take_central(hr_zip_entry *e, hr_source *archive, const directory *d, const uint8_t *text,
                              uint64_t *at) {
  const uint8_t *c = text + *at;
  uint64_t left = d->bytes - *at;
  if (left < CENTRAL_BYTES || hr_get_u32(c) != CENTRAL) return broken(archive, d->at + *at);
  size_t name = hr_get_u16(c + 28), extra = hr_get_u16(c + 30), comment = hr_get_u16(c + 32);
  if (name + extra + comment > left - CENTRAL_BYTES) return broken(archive, d->at + *at);
  *e = (hr_zip_entry){.flags = hr_get_u16(c + 8),
                      .method = hr_get_u16(c + 10),
                      .crc = hr_get_u32(c + 16),
                      .packed = hr_get_u32(c + 20),
                      .size = hr_get_u32(c + 24),
                      .header = hr_get_u32(c + 42)};
  if (!take_zip64(e, c + CENTRAL_BYTES + name, extra) || memchr(c + CENTRAL_BYTES, 0, name))
    return broken(archive, d->at + *at);
  e->name = hr_alloc(name + 1);
  if (!e->name) return hr_fail(HR_OUT_OF_MEMORY, "no memory for the name of an entry");
  memcpy(e->name, c + CENTRAL_BYTES, name);
  e->name[name] = 0;
  *at += CENTRAL_BYTES + name + extra + comment;
  return HR_OK;
}

static hr_status fail_entry(const hr_source *archive, const hr_zip_entry *e, const char *what) {
  char quote[HR_QUOTE];
  return hr_source_fail(archive, "entry \"%s\" at byte %llu %s", hr_quote(quote, e->name, strlen(e->name)),
                        (unsigned long long)e->header, what);
}

/* What the local header says, and whether the bytes are there. */
static hr_status check_local(hr_zip_entry *e, hr_source *archive, const directory *d) {
  uint8_t local[LOCAL_BYTES + FULL16];
  size_t name = strlen(e->name);
  if (e->header > d->at || d->at - e->header < LOCAL_BYTES + name)
    return fail_entry(archive, e, "is outside the archive");
  hr_status status = hr_source_read(archive, local, LOCAL_BYTES + name, e->header, "the header of an entry");
  if (status != HR_OK) return status;
  if (hr_get_u32(local) != LOCAL || hr_get_u16(local + 26) != name || memcmp(local + LOCAL_BYTES, e->name, name) != 0)
    return fail_entry(archive, e, "has another name there");
  e->data = e->header + LOCAL_BYTES + name + hr_get_u16(local + 28);
  if (e->data > d->at || e->packed > d->at - e->data) return fail_entry(archive, e, "is longer than the archive");
  if (e->flags & ENCRYPTED) return fail_entry(archive, e, "is encrypted");
  if (e->method != 0 && e->method != 8) return fail_entry(archive, e, "is compressed by another method than deflate");
  if (e->method == 0 ? e->size != e->packed : e->size / DEFLATE_RATIO > e->packed)
    return fail_entry(archive, e, "is said to be larger than its bytes can hold");
  return HR_OK;
}

static int by_place(const void *a, const void *b) {
  const hr_zip_entry *x = *(hr_zip_entry *const *)a, *y = *(hr_zip_entry *const *)b;
  return x->header < y->header ? -1 : x->header > y->header;
}

static hr_status check_places(const hr_zip *zip, const hr_source *archive) {
  hr_status status = HR_OK;
  hr_zip_entry **sorted = hr_alloc(zip->count * sizeof *sorted);
  if (!sorted) return hr_fail(HR_OUT_OF_MEMORY, "no memory to sort %llu entries", (unsigned long long)zip->count);
  for (uint64_t i = 0; i < zip->count; i++) sorted[i] = &zip->entries[i];
  if (zip->count) qsort(sorted, zip->count, sizeof *sorted, by_place);
  for (uint64_t i = 1; i < zip->count && status == HR_OK; i++)
    if (sorted[i - 1]->data + sorted[i - 1]->packed > sorted[i]->header)
      status = fail_entry(archive, sorted[i], "begins inside another one");
  hr_free(sorted);
  return status;
}

hr_status hr_zip_list(hr_zip *out, hr_source *archive) {
  directory d = {0};
  uint8_t *text = NULL;
  uint64_t at = 0;
  hr_status status;
  *out = (hr_zip){0};
  HR_TRY(find_directory(archive, &d));
  text = hr_alloc(d.bytes);
  out->entries = hr_alloc(d.count * sizeof *out->entries);
  if (!text || !out->entries)
    HR_TRY(hr_fail(HR_OUT_OF_MEMORY, "no memory for a zip directory of %llu bytes", (unsigned long long)d.bytes));
  HR_TRY(hr_source_read(archive, text, d.bytes, d.at, "the zip directory"));
  while (out->count < d.count) {
    hr_zip_entry *e = &out->entries[out->count];
    *e = (hr_zip_entry){0};
    HR_TRY(take_central(e, archive, &d, text, &at));
    out->count++;
    HR_TRY(check_local(e, archive, &d));
  }
  HR_TRY(check_places(out, archive));
done:
  hr_free(text);
  return status;
}
