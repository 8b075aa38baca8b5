/* src/array/buffer.c - three kinds of buffers behind one header. */
#include "array/buffer.h"

#include <assert.h>

#include "array/host_memory.h"
#include "base/memory.h"
#include "sched/executor.h"

/* `kind`: who frees what. */
enum {
  KIND_INLINE, /* header and data are one slab block */
  KIND_HOST,   /* header from the slab, data from array/host_memory.h */
  KIND_WRAPPED /* a wrapped_buffer from the slab, data of the program */
};

enum { HEADER_BYTES = 32, DEVICE_CPU = 0 };
static_assert(sizeof(hr_buffer) <= HEADER_BYTES && HEADER_BYTES % 16 == 0, "inline data is aligned to 16");
static_assert(HEADER_BYTES + HR_BUFFER_INLINE <= HR_SLAB_MAX, "an inline buffer is one slab block");

typedef struct wrapped_buffer {
  hr_buffer base;
  void *payload;
  void (*dtor)(void *);
  hr_job job; /* for a destructor that has to run elsewhere */
} wrapped_buffer;

static void set_header(hr_buffer *b, int kind, int flags, void *data, size_t bytes) {
  atomic_init(&b->refs, 1u);
  b->device = DEVICE_CPU;
  atomic_init(&b->flags, (uint8_t)flags);
  b->kind = (uint8_t)kind;
  b->data = data;
  b->bytes = bytes;
}

static hr_status no_header(void) { return hr_fail(HR_OUT_OF_MEMORY, "no memory for a buffer"); }

/* At least one byte of data, so that an empty buffer's pointer is into its own block. */
static size_t inline_block_bytes(size_t bytes) { return HEADER_BYTES + (bytes ? bytes : 1); }

static hr_status new_inline(hr_buffer **out, size_t bytes) {
  hr_buffer *b = hr_slab_alloc(inline_block_bytes(bytes));
  if (!b) return no_header();
  set_header(b, KIND_INLINE, 0, (char *)b + HEADER_BYTES, bytes);
  *out = b;
  return HR_OK;
}

hr_status hr_buffer_new(hr_buffer **out, size_t bytes) {
  *out = NULL;
  if (bytes <= HR_BUFFER_INLINE) return new_inline(out, bytes);
  hr_buffer *b = hr_slab_alloc(sizeof *b);
  if (!b) return no_header();
  void *data;
  size_t usable;
  hr_status status = hr_host_alloc(&data, &usable, bytes);
  if (status != HR_OK) {
    hr_slab_free(b, sizeof *b);
    return status;
  }
  set_header(b, KIND_HOST, 0, data, usable);
  *out = b;
  return HR_OK;
}

hr_status hr_buffer_wrap(hr_buffer **out, void *data, size_t bytes, void *payload, void (*dtor)(void *)) {
  *out = NULL;
  hr_status status = dtor ? hr_executor_need_callback_thread() : HR_OK;
  if (status != HR_OK) return status;
  wrapped_buffer *w = hr_slab_alloc(sizeof *w);
  if (!w) return no_header();
  set_header(&w->base, KIND_WRAPPED, HR_BUFFER_FOREIGN, data, bytes);
  w->payload = payload;
  w->dtor = dtor;
  *out = &w->base;
  return HR_OK;
}

static void free_wrapped(hr_job *job) {
  wrapped_buffer *at = (wrapped_buffer *)((char *)job - offsetof(wrapped_buffer, job)), w = *at;
  hr_slab_free(at, sizeof w);
  if (w.dtor) w.dtor(w.payload);
}

static void free_host(hr_buffer *b) {
  hr_host_free(b->data, b->bytes);
  hr_slab_free(b, sizeof *b);
}

void hr_buffer_release(hr_buffer *b) {
  /* acq_rel: the last release comes after every use of the memory by the others */
  if (!b || hr_sub_acq_rel(&b->refs, 1u) != 1) return;
  switch (b->kind) {
    case KIND_INLINE: hr_slab_free(b, inline_block_bytes(b->bytes)); break;
    case KIND_HOST: free_host(b); break;
    default: hr_job_run_outside(&((wrapped_buffer *)b)->job, free_wrapped); /* R18 */
  }
}
