/* src/cpu/scratch.h - working memory for the chunks of a parallel loop. A block a thread that may take part is made
 * before the loop (P4 of sched/parallel.h); a chunk takes one and gives it back. */
#ifndef HR_CPU_SCRATCH_H
#define HR_CPU_SCRATCH_H

#include "array/buffer.h"

enum { HR_SCRATCH_WORDS = 16 };

typedef struct hr_scratch {
  hr_buffer *buffer;
  size_t block_bytes;
  int count;
  _Atomic(uint64_t) taken[HR_SCRATCH_WORDS]; /* a bit a block */
} hr_scratch;

/* Blocks of `bytes` (0: none, and take answers NULL), aligned to HR_DATA_ALIGN, for a loop of `chunks` chunks. */
hr_status hr_scratch_init(hr_scratch *out, size_t bytes, int64_t chunks) HR_MUST_USE;
void hr_scratch_deinit(hr_scratch *scratch);

/* Block i < count, for what its users note in it; before the loop. */
void *hr_scratch_block(const hr_scratch *scratch, int i);

/* Any thread; it gets the block that it had before, if nobody else has it. There is a block for each worker and one
 * thread that waits; where more take part, since the pool has grown or several threads wait for a light loop, this
 * waits for a chunk to end. */
void *hr_scratch_take(hr_scratch *scratch);
void hr_scratch_give(hr_scratch *scratch, void *block);

#endif
