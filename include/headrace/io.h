/* headrace/io.h - what the MLX C interface lacks about files: NumPy's .npz, and GGUF's metadata by name.
 *
 * As with the calls of mlx/c/io.h: lists and headers are read and checked by the call, elements when arrays are
 * evaluated, on `stream` (empty: the calling thread's default); a file that is saved is replaced as a whole. The
 * functions of readers and writers are called by one thread of the library at a time, while calls wait: a caller that
 * holds a lock which those functions take (Python's, for one) has to give it up around loading, saving and
 * evaluating. */
#ifndef HEADRACE_IO_H
#define HEADRACE_IO_H

#include <stdbool.h>

#include "headrace/status.h"
#include "mlx/c/io_types.h"
#include "mlx/c/map.h"
#include "mlx/c/stream.h"

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/* The arrays of an .npz file, as numpy.savez and numpy.savez_compressed write it, by their names without ".npy". */
hr_status hr_load_npz(mlx_map_string_to_array *res, const char *file, const mlx_stream stream);
hr_status hr_load_npz_reader(mlx_map_string_to_array *res, mlx_io_reader reader, const mlx_stream stream);

/* Evaluates the arrays and writes them to an .npz file; the ending is added if it is missing. */
hr_status hr_save_npz(const char *file, const mlx_map_string_to_array arrays, bool compressed);
hr_status hr_save_npz_writer(mlx_io_writer writer, const mlx_map_string_to_array arrays, bool compressed);

/* The names of the metadata of a GGUF file, in the order in which they were set; mlx_io_gguf_has_metadata_* tells of
 * which kind each is. */
hr_status hr_gguf_metadata_keys(mlx_vector_string *keys, const mlx_io_gguf gguf);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop

#endif
