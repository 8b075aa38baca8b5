#include "mlx/c/stream.h"

#include <stdio.h>

#include "base/memory.h"
#include "capi/device.h"
#include "capi/handle.h"
#include "graph/backends.h"
#include "sched/stream.h"
#include "sched/wait.h"

enum { STREAM_TEXT = 80 };

static hr_status take(hr_stream **out, mlx_stream handle, const char *name) {
  *out = handle.ctx ? ((const hr_stream_box *)handle.ctx)->stream : NULL;
  return *out ? HR_OK : hr_refuse_empty(name);
}

/* Numbers for people begin with 0, as in MLX; 0 is no id. */
static int stream_index(hr_stream *stream) { return (int)hr_load_relaxed(&stream->id) - 1; }

static hr_device stream_device(const hr_stream *stream) {
  return (hr_device){.type = stream->device, .index = stream->device_index};
}

/* The thread's default stream of the device, borrowed. */
static hr_status default_stream(hr_stream **out, hr_device device) {
  *out = NULL;
  hr_status status = hr_need_device(device);
  return status == HR_OK ? hr_stream_default(out, device.type, (uint8_t)device.index) : status;
}

/* Gives one more handle of a borrowed stream. */
static hr_status give_borrowed(mlx_stream *handle, hr_stream *stream) {
  if (stream) hr_stream_handle_retain(stream);
  return hr_give_stream(handle, stream);
}

static mlx_stream default_stream_new(const char *call, hr_device device) {
  mlx_stream handle = {0};
  hr_stream *stream;
  hr_status status = default_stream(&stream, device);
  if (status == HR_OK) status = give_borrowed(&handle, stream);
  (void)hr_capi_result(call, status);
  return handle;
}

mlx_stream mlx_stream_new(void) {
  mlx_stream handle = {0};
  (void)hr_capi_result("mlx_stream_new", hr_give_stream(&handle, NULL));
  return handle;
}

mlx_stream mlx_stream_new_device(mlx_device dev) {
  mlx_stream handle = {0};
  hr_stream *stream = NULL;
  hr_device device;
  hr_status status;
  HR_TRY(hr_take_device(&device, dev, "dev"));
  HR_TRY(hr_need_device(device));
  HR_TRY(hr_stream_create(&stream, device.type, (uint8_t)device.index));
  HR_TRY(hr_give_stream(&handle, stream));
done:
  (void)hr_capi_result("mlx_stream_new_device", status);
  return handle;
}

int mlx_stream_set(mlx_stream *stream, const mlx_stream src) {
  const hr_stream_box *box = src.ctx;
  hr_status status = stream ? give_borrowed(stream, box ? box->stream : NULL) : hr_refuse_null("stream");
  return hr_capi_result("mlx_stream_set", status);
}

int mlx_stream_free(mlx_stream stream) {
  hr_stream_box *box = stream.ctx;
  if (box) {
    if (box->stream) hr_stream_handle_release(box->stream);
    hr_slab_free(box, sizeof *box);
  }
  return 0;
}

int mlx_stream_tostring(mlx_string *str, mlx_stream stream) {
  char device[STREAM_TEXT / 2], text[STREAM_TEXT];
  hr_stream *s;
  hr_status status;
  HR_TRY(hr_need_pointer(str, "str"));
  HR_TRY(take(&s, stream, "stream"));
  hr_device_format(device, sizeof device, stream_device(s));
  snprintf(text, sizeof text, "Stream(%s, %d)", device, stream_index(s));
  HR_TRY(hr_give_string(str, text));
done:
  return hr_capi_result("mlx_stream_tostring", status);
}

bool mlx_stream_equal(mlx_stream lhs, mlx_stream rhs) {
  const hr_stream_box *a = lhs.ctx, *b = rhs.ctx;
  return (a ? a->stream : NULL) == (b ? b->stream : NULL);
}

int mlx_stream_get_device(mlx_device *dev, mlx_stream stream) {
  hr_stream *s;
  hr_status status;
  HR_TRY(hr_need_pointer(dev, "dev"));
  HR_TRY(take(&s, stream, "stream"));
  HR_TRY(hr_give_device(dev, stream_device(s)));
done:
  return hr_capi_result("mlx_stream_get_device", status);
}

int mlx_stream_get_index(int *index, mlx_stream stream) {
  hr_stream *s;
  hr_status status;
  HR_TRY(hr_need_pointer(index, "index"));
  HR_TRY(take(&s, stream, "stream"));
  *index = stream_index(s);
done:
  return hr_capi_result("mlx_stream_get_index", status);
}

int mlx_synchronize(mlx_stream stream) {
  hr_stream *s;
  hr_status status;
  HR_TRY(hr_take_stream(&s, stream));
  HR_TRY(hr_wait_stream(s, -1));
done:
  return hr_capi_result("mlx_synchronize", status);
}

int mlx_get_default_stream(mlx_stream *stream, mlx_device dev) {
  hr_stream *s;
  hr_device device;
  hr_status status;
  HR_TRY(hr_need_pointer(stream, "stream"));
  HR_TRY(hr_take_device(&device, dev, "dev"));
  HR_TRY(default_stream(&s, device));
  HR_TRY(give_borrowed(stream, s));
done:
  return hr_capi_result("mlx_get_default_stream", status);
}

int mlx_set_default_stream(mlx_stream stream) {
  hr_stream *s;
  hr_status status = take(&s, stream, "stream");
  if (status == HR_OK) status = hr_stream_default_set(s);
  return hr_capi_result("mlx_set_default_stream", status);
}

mlx_stream mlx_default_cpu_stream_new(void) {
  return default_stream_new("mlx_default_cpu_stream_new", (hr_device){.type = HR_DEVICE_CPU});
}

mlx_stream mlx_default_gpu_stream_new(void) {
  return default_stream_new("mlx_default_gpu_stream_new", (hr_device){.type = HR_DEVICE_GPU});
}
