/* src/io/gguf.h - the GGUF format, versions 2 and 3, little-endian (ggml's docs/gguf.md):
 *
 *   "GGUF", version, number of tensors and of metadata entries; the entries (name, type, value); the tensors (name,
 *   lengths from the last axis to the first, type, place); zeros up to the alignment; the elements
 *
 * Metadata: numbers and truth values become arrays of no axes, lists of them arrays of one axis, of the type that they
 * have in the file; texts and lists of texts stay what they are. Lists of lists are errors.
 *
 * Tensors of type F32, F16, BF16, F64 and I8 to I64 become arrays of that type. Of Q4_0, Q4_1 and Q8_0 three arrays are
 * made, those of quantized_matmul with groups of 32 and 4 or 8 bits: NAME.weight, NAME.scales and NAME.biases. Q5_0,
 * Q5_1, Q2_K to Q6_K and IQ4_NL become float16; other types are errors that name them. (MLX gives float16 for BF16 as
 * well, and errors for some of these.) Places that overlap, or lie outside the file, are errors. */
#ifndef HR_IO_GGUF_H
#define HR_IO_GGUF_H

#include "io/gguf_content.h"
#include "io/load.h"

/* The types of metadata: their numbers in the file. */
typedef enum hr_gguf_type {
  HR_GGUF_UINT8,
  HR_GGUF_INT8,
  HR_GGUF_UINT16,
  HR_GGUF_INT16,
  HR_GGUF_UINT32,
  HR_GGUF_INT32,
  HR_GGUF_FLOAT32,
  HR_GGUF_BOOL,
  HR_GGUF_STRING,
  HR_GGUF_LIST,
  HR_GGUF_UINT64,
  HR_GGUF_INT64,
  HR_GGUF_FLOAT64,
  HR_GGUF_TYPE_COUNT
} hr_gguf_type;

/* The dtype of a type of metadata, or -1 (texts and lists); and the other way round. */
int hr_gguf_dtype(uint32_t type);
int hr_gguf_type_of_dtype(hr_dtype dtype);

/* What metadata "general.alignment" says, a power of two; 32 if there is none. Evaluates it. */
hr_status hr_gguf_alignment(uint64_t *out, const hr_gguf_content *content) HR_MUST_USE;

/* content has been initialised and is empty; after a failure it may hold a part. */
hr_status hr_gguf_parse(hr_gguf_content *content, hr_source *source, hr_stream *s) HR_MUST_USE;

hr_status hr_load_gguf(hr_gguf_content *content, const char *file, hr_stream *s) HR_MUST_USE;
/* Version 3, in the order of the content: arrays of the types above that are not quantised, metadata arrays of at most
 * one axis. Metadata "general.alignment" is obeyed. */
hr_status hr_save_gguf(const char *file, const hr_gguf_content *content) HR_MUST_USE;

#endif
