/* src/ops/op_list.h - the functions that run ops on the CPU: what ops know of the backend. One line a family, sorted.
 */
#ifndef HR_OPS_OP_LIST_H
#define HR_OPS_OP_LIST_H

#include "graph/op.h"

hr_status hr_cpu_arg(const hr_run *run);
hr_status hr_cpu_concatenate(const hr_run *run);
hr_status hr_cpu_pad(const hr_run *run);
hr_status hr_cpu_random(const hr_run *run);
hr_status hr_cpu_reduce(const hr_run *run);
hr_status hr_cpu_row_major(const hr_run *run);

#endif
