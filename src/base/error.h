/* src/base/error.h - failures: a status as the return value, a text beside it in the thread.
 * E1  hr_fail() is called where the failure is found; callers hand the status up and may put words in front.
 * E2  An hr_error is an immutable, reference-counted status and text, for failures that outlive the call (R10).
 * E3  Only the C boundary (capi) calls the user's handler (R11). */
#ifndef HR_BASE_ERROR_H
#define HR_BASE_ERROR_H

#include <stdbool.h>

#include "headrace/status.h"

#define HR_PRINTF(text, first) __attribute__((format(printf, text, first)))
#define HR_MUST_USE            __attribute__((warn_unused_result))

/* Leaves the function through its one label `done:` when expr fails; needs a local `hr_status status`. */
#define HR_TRY(expr)                                     \
  do {                                                   \
    status = (expr);                                     \
    if (__builtin_expect(status != HR_OK, 0)) goto done; \
  } while (0)

/* Notes the text for this thread and returns status, which is not HR_OK. Never fails itself: without memory the text is
 * the status's name. Texts longer than 1 KiB are cut. */
hr_status hr_fail(hr_status status, const char *format, ...) HR_PRINTF(2, 3);

/* Puts words in front of this thread's newest text: "add: " before "cannot broadcast ...". Returns status. */
hr_status hr_fail_prefix(hr_status status, const char *format, ...) HR_PRINTF(2, 3);

typedef struct hr_error hr_error;

/* This thread's newest failure as an object; the caller owns one reference. Never NULL: without memory a static one. */
hr_error *hr_error_new(hr_status status);
hr_error *hr_error_retain(hr_error *error);
void hr_error_release(hr_error *error); /* NULL is fine */
hr_status hr_error_status(const hr_error *error);
const char *hr_error_text(const hr_error *error);
/* Makes error the newest failure of this thread, counts as shown to the program, and returns its status. */
hr_status hr_error_raise(hr_error *error);
/* Whether any thread has raised it. Constant errors (no memory for more) never count as seen. */
bool hr_error_seen(hr_error *error);

#endif
