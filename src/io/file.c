#include "io/file.h"

#include "base/memory.h"

hr_status hr_io_file_new(hr_io_file **out, void *desc, const hr_io_calls *calls) {
  hr_io_file *file = *out = hr_slab_alloc(sizeof *file);
  if (!file) return hr_fail(HR_OUT_OF_MEMORY, "no memory for a reader or writer");
  atomic_init(&file->refs, 1u);
  file->desc = desc;
  file->calls = *calls;
  return HR_OK;
}

hr_io_file *hr_io_file_retain(hr_io_file *file) {
  hr_add_relaxed(&file->refs, 1u);
  return file;
}

void hr_io_file_release(hr_io_file *file) {
  if (!file || hr_sub_acq_rel(&file->refs, 1u) != 1) return;
  if (file->calls.free) file->calls.free(file->desc);
  hr_slab_free(file, sizeof *file);
}

const char *hr_io_file_label(const hr_io_file *file) {
  const char *label = file->calls.label ? file->calls.label(file->desc) : NULL;
  return label ? label : "";
}
