#include "io/store.h"

#include <string.h>

#include "graph/eval.h"
#include "io/bytes.h"
#include "io/load.h"
#include "ops/cast.h"

enum { PIECE_BYTES = 1 << 14 };

hr_status hr_store_prepare(hr_array **out, hr_array *const *in, size_t count, bool allow_col_major) {
  hr_stream *stream;
  hr_status status;
  for (size_t i = 0; i < count; i++) out[i] = NULL;
  HR_TRY(hr_stream_default(&stream, 0, 0));
  for (size_t i = 0; i < count; i++) HR_TRY(hr_contiguous(&out[i], in[i], allow_col_major, stream));
  HR_TRY(hr_eval(out, count));
  return HR_OK;
done:
  for (size_t i = 0; i < count; i++) {
    hr_array_release(out[i]);
    out[i] = NULL;
  }
  return status;
}

hr_status hr_store_write(hr_sink *sink, const hr_array *a) {
  const char *data = hr_array_data(a);
  uint64_t bytes = hr_array_nbytes(a);
  if (!HR_BIG_ENDIAN_HOST) return hr_sink_write(sink, data, bytes);
  char piece[PIECE_BYTES];
  hr_status status = HR_OK;
  for (uint64_t at = 0; at < bytes && status == HR_OK; at += sizeof piece) {
    uint64_t some = bytes - at < sizeof piece ? bytes - at : sizeof piece;
    memcpy(piece, data + at, some);
    hr_swap_bytes(piece, some, hr_number_bytes(hr_array_dtype(a)));
    status = hr_sink_write(sink, piece, some);
  }
  return status;
}
