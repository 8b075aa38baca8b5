/* src/capi/error.h - failures at the C boundary. */
#ifndef HR_CAPI_ERROR_H
#define HR_CAPI_ERROR_H

#include "base/error.h"

/* The last act of a failing call, with no lock or claim held: puts the call's name before this thread's newest text and
 * gives it to the handler. May not return, since handlers may jump. Returns 1. */
int hr_capi_failed(const char *call, hr_status status);

/* 0 for HR_OK, else hr_capi_failed(). */
static inline int hr_capi_result(const char *call, hr_status status) {
  return __builtin_expect(status == HR_OK, 1) ? 0 : hr_capi_failed(call, status);
}

/* The same for the hr_ calls. HR_TIMEOUT is an answer of calls that were given a time, no failure. */
static inline hr_status hr_capi_status(const char *call, hr_status status) {
  if (__builtin_expect(status != HR_OK && status != HR_TIMEOUT, 0)) (void)hr_capi_failed(call, status);
  return status;
}

#endif
