/* src/capi/hr_io.c - headrace/io.h. */
#include "headrace/io.h"

#include "capi/handle.h"
#include "capi/map.h"
#include "io/npz.h"

/* From `file` or, if that is NULL, a reader. */
static hr_status load(mlx_map_string_to_array *res, const char *file, hr_io_file *reader, const mlx_stream stream) {
  hr_map arrays;
  hr_stream *s;
  hr_status status;
  hr_map_init(&arrays, hr_map_drop_array);
  HR_TRY(hr_need_pointer(res, "res"));
  HR_TRY(hr_take_stream(&s, stream));
  HR_TRY(file ? hr_npz_load(&arrays, file, s) : hr_npz_load_reader(&arrays, reader, s));
  HR_TRY(hr_give_map(&res->ctx, &arrays));
done:
  hr_map_deinit(&arrays);
  return status;
}

hr_status hr_load_npz(mlx_map_string_to_array *res, const char *file, const mlx_stream stream) {
  return hr_capi_status("hr_load_npz", file ? load(res, file, NULL, stream) : hr_refuse_null("file"));
}

hr_status hr_load_npz_reader(mlx_map_string_to_array *res, mlx_io_reader reader, const mlx_stream stream) {
  return hr_capi_status("hr_load_npz_reader",
                        reader.ctx ? load(res, NULL, reader.ctx, stream) : hr_refuse_empty("reader"));
}

hr_status hr_save_npz(const char *file, const mlx_map_string_to_array arrays, bool compressed) {
  hr_status status;
  HR_TRY(hr_need_pointer(file, "file"));
  HR_TRY(hr_need_handle(arrays.ctx, "arrays"));
  HR_TRY(hr_npz_save(file, arrays.ctx, compressed));
done:
  return hr_capi_status("hr_save_npz", status);
}

hr_status hr_save_npz_writer(mlx_io_writer writer, const mlx_map_string_to_array arrays, bool compressed) {
  hr_status status;
  HR_TRY(hr_need_handle(writer.ctx, "writer"));
  HR_TRY(hr_need_handle(arrays.ctx, "arrays"));
  HR_TRY(hr_npz_save_writer(writer.ctx, arrays.ctx, compressed));
done:
  return hr_capi_status("hr_save_npz_writer", status);
}
