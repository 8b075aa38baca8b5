#include "io/source.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

enum { LABEL_BYTES = 200, TEXT_BYTES = 512 };

hr_status hr_source_init(hr_source *source, const hr_source_kind *kind, uint64_t size, const char *label) {
  char text[LABEL_BYTES + 4];
  size_t length = strlen(label);
  if (length > LABEL_BYTES) {
    snprintf(text, sizeof text, "...%s", label + length - LABEL_BYTES);
    label = text;
  }
  *source = (hr_source){.kind = kind, .size = size, .label = hr_strdup(label)};
  atomic_init(&source->refs, 1u);
  return source->label ? HR_OK : hr_fail(HR_OUT_OF_MEMORY, "no memory to open a file");
}

hr_source *hr_source_retain(hr_source *source) {
  hr_add_relaxed(&source->refs, 1u);
  return source;
}

void hr_source_release(hr_source *source) {
  if (!source || hr_sub_acq_rel(&source->refs, 1u) != 1) return;
  hr_free(source->label);
  source->kind->deinit(source);
}

static hr_status fail_va(const hr_source *source, hr_status status, const char *format, va_list args) {
  char text[TEXT_BYTES];
  vsnprintf(text, sizeof text, format, args);
  return hr_fail(status, "%s: %s", source->label, text);
}

hr_status hr_source_fail(const hr_source *source, const char *format, ...) {
  va_list args;
  va_start(args, format);
  hr_status status = fail_va(source, HR_IO, format, args);
  va_end(args);
  return status;
}

hr_status hr_source_refuse(const hr_source *source, hr_status status, const char *format, ...) {
  va_list args;
  va_start(args, format);
  status = fail_va(source, status, format, args);
  va_end(args);
  return status;
}

hr_status hr_source_need(const hr_source *source, uint64_t bytes, uint64_t offset, const char *what) {
  if (offset <= source->size && bytes <= source->size - offset) return HR_OK;
  return hr_source_fail(source, "%s takes %llu bytes from byte %llu on, but there are %llu in all", what,
                        (unsigned long long)bytes, (unsigned long long)offset, (unsigned long long)source->size);
}

hr_status hr_source_read(hr_source *source, void *to, uint64_t bytes, uint64_t offset, const char *what) {
  hr_status status = hr_source_need(source, bytes, offset, what);
  return status == HR_OK && bytes ? source->kind->read(source, to, bytes, offset) : status;
}

const char *hr_quote(char out[HR_QUOTE], const char *text, size_t bytes) {
  if (bytes > HR_QUOTE - 1) bytes = HR_QUOTE - 1;
  for (size_t i = 0; i < bytes; i++) out[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
  out[bytes] = 0;
  return out;
}
