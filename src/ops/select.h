/* src/ops/select.h - choice between arrays, and comparisons up to a tolerance. Shapes broadcast, dtypes are promoted.
 * Any thread; the caller owns one reference to the result. */
#ifndef HR_OPS_SELECT_H
#define HR_OPS_SELECT_H

#include "base/optional.h"
#include "graph/op.h"

extern const hr_op hr_op_select, hr_op_clip;

/* x where condition (cast to bool) is true, else y. */
hr_status hr_where(hr_array **out, hr_array *condition, hr_array *x, hr_array *y, hr_stream *s) HR_MUST_USE;
/* min(max(a, a_min), a_max); one of the bounds may be NULL. NaN stays. */
hr_status hr_clip(hr_array **out, hr_array *a, hr_array *a_min, hr_array *a_max, hr_stream *s) HR_MUST_USE;
/* NaN and infinities replaced: by default with the largest finite numbers. Integers stay as they are. Not for complex
 * numbers. */
hr_status hr_nan_to_num(hr_array **out, hr_array *a, float nan, hr_optional_float posinf, hr_optional_float neginf,
                        hr_stream *s) HR_MUST_USE;

/* |a - b| <= atol + rtol |b|, element by element; infinities only if equal; two NaN if equal_nan. */
hr_status hr_isclose(hr_array **out, hr_array *a, hr_array *b, double rtol, double atol, bool equal_nan,
                     hr_stream *s) HR_MUST_USE;
/* One bool: all are close. */
hr_status hr_allclose(hr_array **out, hr_array *a, hr_array *b, double rtol, double atol, bool equal_nan,
                      hr_stream *s) HR_MUST_USE;
/* One bool: the same shape, and all elements equal after promotion. */
hr_status hr_array_equal(hr_array **out, hr_array *a, hr_array *b, bool equal_nan, hr_stream *s) HR_MUST_USE;

#endif
