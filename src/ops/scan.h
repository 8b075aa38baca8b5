/* src/ops/scan.h - running sums and the like along one axis, from its start or, reversed, from its end. Exclusive
 * results leave their own element out: they begin with 0, 1, the lowest, the highest value, or -infinity. Dtypes
 * stay, but cumsum of bool is int32, and logcumsumexp of bool and integers float32. HR_INVALID for axes out of
 * range. */
#ifndef HR_OPS_SCAN_H
#define HR_OPS_SCAN_H

#include "graph/op.h"

/* The `kernel` numbers of the family's ops. */
typedef enum hr_scan_kind { HR_SCAN_SUM, HR_SCAN_PROD, HR_SCAN_MAX, HR_SCAN_MIN, HR_SCAN_LOGSUMEXP } hr_scan_kind;

typedef struct hr_scan_attrs {
  int axis;
  bool reverse, inclusive;
} hr_scan_attrs;

extern const hr_op hr_op_cumsum, hr_op_cumprod, hr_op_cummax, hr_op_cummin, hr_op_logcumsumexp;

hr_status hr_cumsum(hr_array **out, hr_array *a, int axis, bool reverse, bool inclusive, hr_stream *s) HR_MUST_USE;
hr_status hr_cumprod(hr_array **out, hr_array *a, int axis, bool reverse, bool inclusive, hr_stream *s) HR_MUST_USE;
hr_status hr_cummax(hr_array **out, hr_array *a, int axis, bool reverse, bool inclusive, hr_stream *s) HR_MUST_USE;
hr_status hr_cummin(hr_array **out, hr_array *a, int axis, bool reverse, bool inclusive, hr_stream *s) HR_MUST_USE;
hr_status hr_logcumsumexp(hr_array **out, hr_array *a, int axis, bool reverse, bool inclusive,
                          hr_stream *s) HR_MUST_USE;

#endif
