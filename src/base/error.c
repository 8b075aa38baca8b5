/* src/base/error.c - the newest text of each thread, and errors as objects.
 * A thread's text is one heap block, made at its first failure and freed when it ends. A destructor of other
 * thread-local data that fails after that makes a new block, which the next round of destructors frees. Without memory
 * (or without a key to free it by) the thread points to a constant row instead: the name of the status. */
#include "base/error.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/atomic.h"
#include "base/memory.h"
#include "base/tls.h"

enum { TEXT_BYTES = 1024 };

static const char *const names[HR_STATUS_COUNT] = {
    [HR_OK] = "ok",
    [HR_INVALID] = "invalid argument",
    [HR_OUT_OF_MEMORY] = "out of memory",
    [HR_UNSUPPORTED] = "unsupported",
    [HR_TIMEOUT] = "timed out",
    [HR_CANCELLED] = "cancelled",
    [HR_DEADLOCK] = "would never end",
    [HR_IO] = "input or output failed",
    [HR_FAILED] = "failed",
    [HR_CLOSED] = "closed",
};

/* A constant row has no text of its own, is not counted and never freed. */
struct hr_error {
  _Atomic(uint32_t) refs;
  hr_status status;
  _Atomic(bool) seen;
  const char *text; /* behind the struct; NULL: the name of the status */
};

#define X(status) [status] = {0, status, false, NULL}
static hr_error constants[HR_STATUS_COUNT] = {
    X(HR_OK),       X(HR_INVALID), X(HR_OUT_OF_MEMORY), X(HR_UNSUPPORTED), X(HR_TIMEOUT), X(HR_CANCELLED),
    X(HR_DEADLOCK), X(HR_IO),      X(HR_FAILED),        X(HR_CLOSED),
};
#undef X

/* The thread's block, or a row of names[]; NULL until its first failure. */
static HR_THREAD_LOCAL const char *newest;
static HR_THREAD_LOCAL hr_status newest_status;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t block_key; /* its value is the thread's block */
static bool have_key;

static void free_block(void *block) {
  if (newest == block) newest = NULL;
  hr_free(block);
}

static void make_key(void) { have_key = pthread_key_create(&block_key, free_block) == 0; }

/* The thread's block of TEXT_BYTES, or NULL. */
static char *own_block(void) {
  pthread_once(&once, make_key);
  if (!have_key) return NULL;
  char *block = pthread_getspecific(block_key);
  if (block) return block;
  block = hr_alloc(TEXT_BYTES);
  if (!block) return NULL;
  if (pthread_setspecific(block_key, block) == 0) return block;
  hr_free(block);
  return NULL;
}

static int row_of(hr_status status) {
  return (int)status >= 0 && (int)status < HR_STATUS_COUNT ? (int)status : (int)HR_FAILED;
}

/* Makes text (cut to fit, not inside the block) the newest one. */
static hr_status set_newest(hr_status status, const char *text) {
  newest_status = status;
  char *block = own_block();
  if (block) {
    size_t length = strnlen(text, TEXT_BYTES - 1);
    memcpy(block, text, length);
    block[length] = 0;
  }
  newest = block ? block : names[row_of(status)];
  return status;
}

const char *hr_status_name(hr_status status) {
  bool known = (int)status >= 0 && (int)status < HR_STATUS_COUNT;
  return known ? names[status] : "unknown status";
}

const char *hr_last_error(void) { return newest ? newest : ""; }
hr_status hr_last_status(void) { return newest ? newest_status : HR_OK; }

hr_status hr_fail(hr_status status, const char *format, ...) {
  char text[TEXT_BYTES]; /* the arguments may point into the block */
  va_list args;
  va_start(args, format);
  int length = vsnprintf(text, sizeof text, format, args);
  va_end(args);
  return set_newest(status, length < 0 ? names[row_of(status)] : text);
}

hr_status hr_fail_prefix(hr_status status, const char *format, ...) {
  char text[TEXT_BYTES];
  va_list args;
  va_start(args, format);
  int length = vsnprintf(text, sizeof text, format, args);
  va_end(args);
  if (length < 0) length = 0;
  if (length < TEXT_BYTES) {
    const char *rest = newest ? newest : names[row_of(status)];
    size_t room = (size_t)(TEXT_BYTES - 1 - length), kept = strnlen(rest, room);
    memcpy(text + length, rest, kept);
    text[length + (int)kept] = 0;
  }
  return set_newest(status, text);
}

hr_error *hr_error_new(hr_status status) {
  const char *text = newest ? newest : names[row_of(status)];
  size_t length = strnlen(text, TEXT_BYTES - 1);
  hr_error *error = hr_alloc(sizeof *error + length + 1);
  if (!error) return &constants[row_of(status)];
  char *copy = (char *)(error + 1);
  memcpy(copy, text, length);
  copy[length] = 0;
  atomic_init(&error->refs, 1u);
  error->status = status;
  atomic_init(&error->seen, false);
  error->text = copy;
  return error;
}

hr_error *hr_error_retain(hr_error *error) {
  if (error->text) hr_add_relaxed(&error->refs, 1u);
  return error;
}

void hr_error_release(hr_error *error) {
  if (!error || !error->text) return;
  /* acq_rel: the last release sees all uses by the others */
  if (hr_sub_acq_rel(&error->refs, 1u) == 1) hr_free(error);
}

hr_status hr_error_status(const hr_error *error) { return error->status; }
const char *hr_error_text(const hr_error *error) { return error->text ? error->text : names[row_of(error->status)]; }

hr_status hr_error_raise(hr_error *error) {
  if (error->text) hr_store_relaxed(&error->seen, true); /* a hint: nothing is published by it */
  return set_newest(error->status, hr_error_text(error));
}

bool hr_error_seen(hr_error *error) { return hr_load_relaxed(&error->seen); }
