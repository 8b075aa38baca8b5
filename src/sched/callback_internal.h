/* src/sched/callback_internal.h - how fence.c and callback.c meet. */
#ifndef HR_SCHED_CALLBACK_INTERNAL_H
#define HR_SCHED_CALLBACK_INTERNAL_H

#include "sched/fence.h"

/* The fence's waiter fires: goes on to the next point, or hands the callbacks over. */
void hr_fence_fire(hr_waiter *waiter, hr_worklist *work);

#endif
