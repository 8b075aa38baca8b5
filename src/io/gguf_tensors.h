/* src/io/gguf_tensors.h - the second half of a GGUF header: the list of tensors. */
#ifndef HR_IO_GGUF_TENSORS_H
#define HR_IO_GGUF_TENSORS_H

#include "graph/op.h"
#include "io/gguf_content.h"
#include "io/gguf_cursor.h"

/* Takes `count` tensors from the cursor, and adds the arrays that they become. */
hr_status hr_gguf_take_tensors(hr_gguf_content *content, hr_gguf_cursor *c, uint64_t count, uint64_t alignment,
                               hr_stream *s) HR_MUST_USE;

#endif
