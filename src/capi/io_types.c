/* Readers and writers: the handle's ctx is an hr_io_file. */
#include "mlx/c/io_types.h"

#include "capi/handle.h"
#include "io/file.h"

static void *file_new(const char *call, void *desc, const mlx_io_vtable *vtable) {
  hr_io_file *file = NULL;
  const hr_io_calls calls = {.is_open = vtable->is_open,
                             .good = vtable->good,
                             .tell = vtable->tell,
                             .seek = vtable->seek,
                             .read = vtable->read,
                             .read_at_offset = vtable->read_at_offset,
                             .write = vtable->write,
                             .label = vtable->label,
                             .free = vtable->free};
  (void)hr_capi_result(call, hr_io_file_new(&file, desc, &calls));
  return file;
}

static int file_descriptor(const char *call, void **out, const hr_io_file *file) {
  hr_status status;
  HR_TRY(hr_need_pointer(out, "desc_"));
  HR_TRY(hr_need_handle(file, "io"));
  *out = file->desc;
done:
  return hr_capi_result(call, status);
}

static int file_tostring(const char *call, mlx_string *out, const hr_io_file *file) {
  hr_status status;
  HR_TRY(hr_need_pointer(out, "str_"));
  HR_TRY(hr_need_handle(file, "io"));
  HR_TRY(hr_give_string(out, hr_io_file_label(file)));
done:
  return hr_capi_result(call, status);
}

static int file_free(void *ctx) {
  hr_io_file_release(ctx);
  return 0;
}

mlx_io_reader mlx_io_reader_new(void *desc, mlx_io_vtable vtable) {
  return (mlx_io_reader){file_new("mlx_io_reader_new", desc, &vtable)};
}
int mlx_io_reader_descriptor(void **desc_, mlx_io_reader io) {
  return file_descriptor("mlx_io_reader_descriptor", desc_, io.ctx);
}
int mlx_io_reader_tostring(mlx_string *str_, mlx_io_reader io) {
  return file_tostring("mlx_io_reader_tostring", str_, io.ctx);
}
int mlx_io_reader_free(mlx_io_reader io) { return file_free(io.ctx); }

mlx_io_writer mlx_io_writer_new(void *desc, mlx_io_vtable vtable) {
  return (mlx_io_writer){file_new("mlx_io_writer_new", desc, &vtable)};
}
int mlx_io_writer_descriptor(void **desc_, mlx_io_writer io) {
  return file_descriptor("mlx_io_writer_descriptor", desc_, io.ctx);
}
int mlx_io_writer_tostring(mlx_string *str_, mlx_io_writer io) {
  return file_tostring("mlx_io_writer_tostring", str_, io.ctx);
}
int mlx_io_writer_free(mlx_io_writer io) { return file_free(io.ctx); }
