/* src/io/npz.h - several arrays in one file, as by numpy.savez: a zip archive of .npy files. An entry NAME.npy is the
 * array NAME. Its elements are unpacked, and its checksum compared, when the array is evaluated; entries that are no
 * .npy files, names that are there twice, and bytes behind an array are errors. */
#ifndef HR_IO_NPZ_H
#define HR_IO_NPZ_H

#include "base/map.h"
#include "io/load.h"

/* arrays has been initialised and is empty, also after a failure. */
hr_status hr_npz_parse(hr_map *arrays, hr_source *source, hr_stream *s) HR_MUST_USE;

hr_status hr_npz_load(hr_map *arrays, const char *file, hr_stream *s) HR_MUST_USE;
hr_status hr_npz_load_reader(hr_map *arrays, hr_io_file *reader, hr_stream *s) HR_MUST_USE;
hr_status hr_npz_save(const char *file, const hr_map *arrays, bool compressed) HR_MUST_USE;
hr_status hr_npz_save_writer(hr_io_file *writer, const hr_map *arrays, bool compressed) HR_MUST_USE;

#endif
