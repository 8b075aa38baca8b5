/* src/base/log.h - lines for the program's log, if it wants them (hr_set_log); otherwise the library is silent.
 * L1  The sink is called by any thread, with no lock held by the caller of hr_log_line(), which is not called under
 *     one. */
#ifndef HR_BASE_LOG_H
#define HR_BASE_LOG_H

#include "base/error.h"
#include "headrace/runtime.h"

/* Cut at 1 KiB. Costs a load while nobody listens. */
void hr_log_line(hr_log_level level, const char *format, ...) HR_PRINTF(2, 3);

/* Any thread; fn may be NULL. A thread that is about to call the old function may still do so. */
void hr_log_sink_set(hr_log_fn fn, void *user);

#endif
