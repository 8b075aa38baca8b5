/* src/capi/closure_internal.h - for the files that hold the kinds of closures. */
#ifndef HR_CAPI_CLOSURE_INTERNAL_H
#define HR_CAPI_CLOSURE_INTERNAL_H

#include "capi/closure.h"

/* Boxes, for `_new...`; NULL after reporting a failure as the call's. */
void *hr_closure_box_empty(const char *call);
void *hr_closure_box_new(const char *call, hr_any_function function, bool unary);
void *hr_closure_box_make(const char *call, hr_closure content);
int hr_closure_box_free(void *ctx);
int hr_closure_box_set(const char *call, void **ctx, const void *source_ctx);

/* The closure of a handle with one reference more: a function may set the handle that it was called through. */
hr_status hr_closure_hold(hr_closure **out, const void *ctx) HR_MUST_USE;
hr_status hr_closure_empty_result(void);
/* What a function answered, as a status. */
hr_status hr_closure_answer(int answer) HR_MUST_USE;
/* What a function left in its result moves to the caller's handle. Functions get results of ctx NULL, for they may
 * assign a new handle as well as set one. */
hr_status hr_closure_move_arrays(mlx_vector_array *to, mlx_vector_array from) HR_MUST_USE;

#endif
