/* src/io/zip.h - ZIP archives (PKWARE's APPNOTE 6.3), as much as .npz files need: entries stored or deflated, ZIP64.
 *
 * Z1  Nothing is believed twice: the central directory is the list, local headers have to agree in name, entries may
 *     not overlap, and an entry whose size says more than deflate can make of its bytes (1032 to 1) is refused before
 *     memory is taken.
 * Z2  A read that comes to the end of an entry checks its CRC-32.
 * Z3  Names with a zero byte, encrypted entries and archives in several parts are errors. */
#ifndef HR_IO_ZIP_H
#define HR_IO_ZIP_H

#include "io/json.h"
#include "io/sink.h"
#include "io/source.h"

typedef struct hr_zip_entry {
  char *name;
  uint64_t header;       /* place of the local header */
  uint64_t data;         /* place of the bytes */
  uint64_t packed, size; /* bytes in the archive and unpacked */
  uint32_t crc;
  uint16_t method, flags;
} hr_zip_entry;

typedef struct hr_zip {
  hr_zip_entry *entries; /* in the order of the directory */
  uint64_t count;
} hr_zip;

/* The list of an archive. Pass it to hr_zip_deinit(), also after a failure. */
hr_status hr_zip_list(hr_zip *out, hr_source *archive) HR_MUST_USE;
void hr_zip_deinit(hr_zip *zip);

/* The bytes of an entry, unpacked while they are read: from the beginning each time. Its label is "archive: name". */
hr_status hr_zip_open(hr_source **out, hr_source *archive, const hr_zip_entry *entry) HR_MUST_USE;

/* CRC-32 of memory, by all idle cores, going on from `crc`. */
uint32_t hr_crc32(uint32_t crc, const void *data, uint64_t bytes);

/* --- writing --- */

typedef struct hr_zip_writer {
  hr_sink *sink;
  uint64_t limit; /* sizes and places from here on are written as ZIP64: 2^32 - 1; less for tests */
  uint64_t count;
  hr_text directory; /* what is known so far */
} hr_zip_writer;

/* A part of an entry's bytes. */
typedef struct hr_zip_part {
  const void *data;
  uint64_t bytes;
} hr_zip_part;

/* Adds an entry made of parts, deflated if `compressed`. */
hr_status hr_zip_add(hr_zip_writer *zip, const char *name, const hr_zip_part *parts, size_t part_count,
                     bool compressed) HR_MUST_USE;
/* Writes the directory. */
hr_status hr_zip_finish(hr_zip_writer *zip) HR_MUST_USE;

#endif
