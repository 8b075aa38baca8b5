/* src/capi/glue.h - what the generated calls (tools/gen-capi) use besides capi/handle.h. */
#ifndef HR_CAPI_GLUE_H
#define HR_CAPI_GLUE_H

#include "base/optional.h"
#include "capi/handle.h"
#include "mlx/c/optional.h"

/* Fails unless 0 <= value <= last. */
hr_status hr_need_choice(int value, int last, const char *name) HR_MUST_USE;
hr_status hr_take_optional_dtype(hr_optional_dtype *out, mlx_optional_dtype dtype, const char *name) HR_MUST_USE;

#endif
