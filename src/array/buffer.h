/* src/array/buffer.h - reference-counted memory that holds the elements of arrays.
 * B1  `data`, `bytes`, `device` and `flags` never change while the buffer lives.
 * B2  Small buffers (up to HR_BUFFER_INLINE bytes) hold their data behind their header: one allocation.
 * B3  Large blocks come from a caching allocator (array/host_memory.h): freed blocks are reused, page faults are the
 *     dearest thing on the way of a fresh result.
 * B4  A buffer with HR_BUFFER_FOREIGN is memory of the program (managed, mapped, imported) or is known outside
 *     (exported): it is never donated (R17) and its destructor runs as R18 says. */
#ifndef HR_ARRAY_BUFFER_H
#define HR_ARRAY_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/atomic.h"
#include "base/error.h"

enum { HR_BUFFER_INLINE = 480, HR_DATA_ALIGN = 64 };

enum { HR_BUFFER_FOREIGN = 1 };

typedef struct hr_buffer {
  _Atomic(uint32_t) refs;
  uint8_t device; /* hr_device_type */
  _Atomic(uint8_t) flags;
  uint8_t kind; /* who frees it: see buffer.c */
  void *data;
  size_t bytes; /* usable, at least what was asked for */
} hr_buffer;

/* Host memory of at least `bytes` (0 is fine: data is a valid pointer), aligned to HR_DATA_ALIGN, or to 16 when small;
 * not cleared. Fails with HR_OUT_OF_MEMORY and a text that gives size and limit (R21). The caller owns one reference.
 */
hr_status hr_buffer_new(hr_buffer **out, size_t bytes) HR_MUST_USE;

/* Memory of the program: dtor(payload) is called once when the last reference is gone (R18); dtor may be NULL. On
 * failure the caller keeps the data and dtor is not called. */
hr_status hr_buffer_wrap(hr_buffer **out, void *data, size_t bytes, void *payload, void (*dtor)(void *)) HR_MUST_USE;

static inline hr_buffer *hr_buffer_retain(hr_buffer *buffer) {
  hr_add_relaxed(&buffer->refs, 1u);
  return buffer;
}
void hr_buffer_release(hr_buffer *buffer); /* NULL is fine */

#endif
