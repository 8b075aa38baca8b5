#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/atomic.h"
#include "base/lock.h"

static struct {
  _Atomic(bool) on; /* a hint, so that silence is cheap */
  hr_mutex lock;    /* keeps fn and user together */
  hr_log_fn fn;
  void *user;
} sink;

void hr_log_sink_set(hr_log_fn fn, void *user) {
  hr_mutex_lock(&sink.lock);
  sink.fn = fn;
  sink.user = user;
  hr_store_relaxed(&sink.on, fn != NULL);
  hr_mutex_unlock(&sink.lock);
}

void hr_log_line(hr_log_level level, const char *format, ...) {
  if (!hr_load_relaxed(&sink.on)) return;
  hr_mutex_lock(&sink.lock);
  hr_log_fn fn = sink.fn;
  void *user = sink.user;
  hr_mutex_unlock(&sink.lock);
  if (!fn) return;
  char text[1024];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  fn(user, level, text);
}
