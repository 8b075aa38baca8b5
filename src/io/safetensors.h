/* src/io/safetensors.h - the safetensors format (https://huggingface.co/docs/safetensors):
 *
 *   8 bytes    n, the length of the header
 *   n bytes    JSON: {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ..., "__metadata__": {...}}
 *   the rest   the elements, at offsets from here
 *
 * As the format asks for: a header of at most 100 MB that begins with a brace, no name twice, and arrays that fill the
 * rest without holes and without sharing bytes. F8_E4M3 and F8_E8M0 become uint8, their bits, as in MLX; other types
 * that no array can have are errors that name them. Unknown keys of an array are skipped. */
#ifndef HR_IO_SAFETENSORS_H
#define HR_IO_SAFETENSORS_H

#include "base/map.h"
#include "io/load.h"
#include "io/sink.h"

/* The maps are filled in the order of the header: arrays with references, metadata with texts of hr_alloc. They are
 * empty after a failure. */
hr_status hr_safetensors_parse(hr_map *arrays, hr_map *metadata, hr_source *source, hr_stream *s) HR_MUST_USE;

hr_status hr_load_safetensors(hr_map *arrays, hr_map *metadata, const char *file, hr_stream *s) HR_MUST_USE;
hr_status hr_load_safetensors_reader(hr_map *arrays, hr_map *metadata, hr_io_file *reader, hr_stream *s) HR_MUST_USE;

/* Largest elements first, so that all are aligned. metadata may be NULL. */
hr_status hr_save_safetensors(const char *file, const hr_map *arrays, const hr_map *metadata) HR_MUST_USE;
hr_status hr_save_safetensors_writer(hr_io_file *writer, const hr_map *arrays, const hr_map *metadata) HR_MUST_USE;

#endif
