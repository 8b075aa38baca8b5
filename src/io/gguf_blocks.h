/* src/io/gguf_blocks.h - the types of GGUF tensors, and what their blocks of numbers stand for.
 *
 * The layouts of blocks are those of ggml (docs/gguf.md, and the Python package gguf); scales are float16.
 * Arithmetic is float32, in the order of the formulas beside each decoder, then rounded to float16 once. */
#ifndef HR_IO_GGUF_BLOCKS_H
#define HR_IO_GGUF_BLOCKS_H

#include "io/load.h"

enum { HR_GGUF_BLOCK = 256, HR_GGUF_GROUP = 32 }; /* numbers in the longest block; in a group that shares a scale */

typedef struct hr_gguf_format {
  uint32_t type;
  uint16_t elements, bytes; /* of one block */
  const char *name;
  int16_t dtype;                                    /* hr_dtype of plain elements, or -1 */
  int16_t bits;                                     /* of elements that stay quantised, or 0 */
  void (*decode)(float *out, const uint8_t *block); /* of types that become float16, or NULL */
} hr_gguf_format;

/* NULL for numbers that no type has. A type that cannot be loaded has neither dtype, bits nor decode. */
const hr_gguf_format *hr_gguf_format_find(uint32_t type);
/* The format of plain elements of a dtype, or NULL. */
const hr_gguf_format *hr_gguf_format_of_dtype(hr_dtype dtype);

/* For hr_load_decoded(), with the format as argument: out[0] float16. */
void hr_gguf_decode(hr_array *const *out, const uint8_t *data, uint64_t bytes, const void *format);
/* out[0] uint32, out[1] and out[2] float16: packed numbers from the lowest bits up, scales, biases. */
void hr_gguf_split(hr_array *const *out, const uint8_t *data, uint64_t bytes, const void *format);

#endif
