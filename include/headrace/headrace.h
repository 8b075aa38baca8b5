/* headrace/headrace.h - all of the `hr_` interface. The rules that hold for every call are in headrace/status.h. */
#ifndef HEADRACE_HEADRACE_H
#define HEADRACE_HEADRACE_H

#include "headrace/array.h"
#include "headrace/fence.h"
#include "headrace/future.h"
#include "headrace/io.h"
#include "headrace/loop.h"
#include "headrace/runtime.h"
#include "headrace/status.h"
#include "headrace/stream.h"
#include "headrace/version.h"

#endif
