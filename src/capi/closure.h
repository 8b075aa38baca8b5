/* src/capi/closure.h - functions of the program as objects.
 *
 * C1  A closure is immutable and reference counted: handles hold references, so do functions that transformations
 *     made of it. The payload's destructor runs with the last reference, on that thread, with no lock held.
 * C2  A handle's box holds one reference or NULL, as boxes of arrays do.
 * C3  One structure serves the six kinds: which function pointer is set follows from the handle's type. */
#ifndef HR_CAPI_CLOSURE_H
#define HR_CAPI_CLOSURE_H

#include <stdbool.h>

#include "base/atomic.h"
#include "base/error.h"
#include "mlx/c/closure.h"

typedef void (*hr_any_function)(void);

typedef struct hr_closure {
  _Atomic(uint32_t) refs;
  bool with_payload;        /* `function` takes the payload as its last argument */
  bool unary;               /* from mlx_closure_new_unary() */
  hr_any_function function; /* of the type that the kind of handle and the flags say */
  void *payload;
  void (*dtor)(void *payload);
} hr_closure;

typedef struct hr_closure_box {
  hr_closure *closure;
} hr_closure_box;

hr_closure *hr_closure_retain(hr_closure *closure);
void hr_closure_release(hr_closure *closure); /* NULL is fine */

/* The closure of a handle's ctx, borrowed; fails on an empty one, naming the argument. */
hr_status hr_take_closure(hr_closure **out, const void *ctx, const char *name) HR_MUST_USE;
/* Puts the closure into the box at *ctx, which is made if there is none; takes over the reference, also on failure. */
hr_status hr_give_closure(void **ctx, hr_closure *closure) HR_MUST_USE;

#endif
