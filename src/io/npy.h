/* src/io/npy.h - NumPy's format .npy (numpy.lib.format): versions 1 to 3 are read, 1 or 2 written.
 *
 *   "\x93NUMPY", major, minor, length of the header (2 bytes in version 1, else 4), header, elements
 *
 * The header is a Python literal, {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }, with spaces behind it
 * so that the elements begin at a multiple of 64. Types: ?, u1 to u8, i1 to i8, f2 to f8, c8, of either byte order;
 * bfloat16 is written, as by MLX and ml_dtypes, as the raw type V2. Anything else is an error that names it. Big-endian
 * numbers are swapped; arrays in Fortran order become column-major, and those are written so. */
#ifndef HR_IO_NPY_H
#define HR_IO_NPY_H

#include "io/load.h"
#include "io/sink.h"

/* The header at byte 0 of the source: layout and place of the elements, which the source has been found to have. */
hr_status hr_npy_parse(hr_load_plan *out, hr_source *source) HR_MUST_USE;

/* The header of an array in memory that is row-major, or else column-major. `length` bytes of out are written. */
enum { HR_NPY_HEADER = 576 };
size_t hr_npy_format(char out[HR_NPY_HEADER], const hr_array *a);

/* Header and elements of an array that was prepared (store.h). */
hr_status hr_npy_write(hr_sink *sink, const hr_array *a) HR_MUST_USE;

/* The calls of the interface; see headrace/io.h and mlx/c/io.h. */
hr_status hr_load(hr_array **out, const char *file, hr_stream *s) HR_MUST_USE;
hr_status hr_load_reader(hr_array **out, hr_io_file *reader, hr_stream *s) HR_MUST_USE;
hr_status hr_save(const char *file, hr_array *a) HR_MUST_USE;
hr_status hr_save_writer(hr_io_file *writer, hr_array *a) HR_MUST_USE;

#endif
