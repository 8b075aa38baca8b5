#include "capi/handle.h"

#include "base/memory.h"
#include "capi/glue.h"
#include "graph/backends.h"
#include "sched/stream.h"
#include "sched/thread.h"

_Static_assert(sizeof(mlx_array) == sizeof(void *), "handles are one pointer");
_Static_assert((int)MLX_COMPLEX64 == (int)HR_COMPLEX64 && (int)MLX_FLOAT32 == (int)HR_FLOAT32 &&
                   (int)MLX_BFLOAT16 == (int)HR_BFLOAT16 && (int)MLX_INT64 == (int)HR_INT64,
               "dtypes have the same values inside and outside");
_Static_assert((int)MLX_CPU == (int)HR_DEVICE_CPU && (int)MLX_GPU == (int)HR_DEVICE_GPU,
               "device types have the same values inside and outside");

hr_status hr_refuse_null(const char *name) { return hr_fail(HR_INVALID, "argument `%s` is NULL", name); }
hr_status hr_refuse_empty(const char *name) { return hr_fail(HR_INVALID, "argument `%s` is an empty handle", name); }

static hr_status no_memory(void) { return hr_fail(HR_OUT_OF_MEMORY, "no memory for a handle"); }

hr_status hr_take_arrays(hr_array_list *out, mlx_vector_array handle, const char *name) {
  const hr_vector *vector = handle.ctx;
  *out = (hr_array_list){0};
  if (!vector) return hr_refuse_empty(name);
  *out = (hr_array_list){.items = vector->items, .count = vector->count};
  return HR_OK;
}

hr_status hr_take_dtype(hr_dtype *out, mlx_dtype dtype, const char *name) {
  *out = HR_BOOL;
  if (!hr_dtype_valid((int)dtype)) return hr_fail(HR_INVALID, "argument `%s`: %d is no dtype", name, (int)dtype);
  *out = (hr_dtype)dtype;
  return HR_OK;
}

hr_status hr_take_optional_dtype(hr_optional_dtype *out, mlx_optional_dtype dtype, const char *name) {
  *out = (hr_optional_dtype){0};
  if (!dtype.has_value) return HR_OK;
  out->has_value = true;
  return hr_take_dtype(&out->value, dtype.value, name);
}

hr_status hr_need_choice(int value, int last, const char *name) {
  if (value >= 0 && value <= last) return HR_OK;
  return hr_fail(HR_INVALID, "argument `%s`: %d is not between 0 and %d", name, value, last);
}

hr_status hr_take_stream(hr_stream **out, mlx_stream handle) {
  *out = handle.ctx ? ((const hr_stream_box *)handle.ctx)->stream : NULL;
  if (*out) return HR_OK;
  const hr_thread *thread = hr_thread_peek();
  return thread ? hr_stream_default(out, thread->default_device, thread->default_device_index)
                : hr_stream_default(out, HR_DEVICE_CPU, 0);
}

hr_status hr_give_array(mlx_array *handle, hr_array *array) {
  hr_array_box *box = handle->ctx;
  if (!box) {
    box = hr_slab_alloc(sizeof *box);
    if (!box) {
      hr_array_release(array);
      return no_memory();
    }
    box->array = NULL;
    handle->ctx = box;
  }
  hr_array *old = box->array;
  box->array = array;
  hr_array_release(old);
  return HR_OK;
}

hr_status hr_give_arrays(mlx_array *first, hr_array *first_array, mlx_array *second, hr_array *second_array) {
  bool fresh = !first->ctx;
  if (fresh && hr_give_array(first, NULL) != HR_OK) {
    hr_array_release(first_array);
    hr_array_release(second_array);
    return HR_OUT_OF_MEMORY;
  }
  hr_status status = hr_give_array(second, second_array);
  if (status == HR_OK) return hr_give_array(first, first_array); /* it has a box: cannot fail */
  hr_array_release(first_array);
  if (fresh) {
    hr_slab_free(first->ctx, sizeof(hr_array_box));
    first->ctx = NULL;
  }
  return status;
}

void hr_list_drop(hr_array_list *list) {
  for (size_t i = 0; i < list->count; i++) hr_array_release(list->items[i]);
  hr_free(list->items);
  *list = (hr_array_list){0};
}

hr_status hr_give_list(mlx_vector_array *handle, hr_array_list *list) {
  hr_vector *vector = handle->ctx;
  if (!vector) {
    vector = hr_slab_alloc(sizeof *vector);
    if (!vector) {
      hr_list_drop(list);
      return no_memory();
    }
    *vector = (hr_vector){0};
    handle->ctx = vector;
  }
  hr_array_list old = {.items = vector->items, .count = vector->count};
  *vector = (hr_vector){.items = list->items, .count = list->count, .capacity = list->count};
  *list = (hr_array_list){0};
  hr_list_drop(&old);
  return HR_OK;
}

hr_status hr_give_text(mlx_string *handle, char *text) {
  hr_string_box *box = handle->ctx;
  if (!box) {
    box = hr_slab_alloc(sizeof *box);
    if (!box) {
      hr_free(text);
      return no_memory();
    }
    box->text = NULL;
    handle->ctx = box;
  }
  char *old = box->text;
  box->text = text;
  hr_free(old);
  return HR_OK;
}

hr_status hr_give_string(mlx_string *handle, const char *text) {
  char *copy = hr_strdup(text);
  return copy ? hr_give_text(handle, copy) : no_memory();
}

hr_status hr_give_stream(mlx_stream *handle, hr_stream *stream) {
  hr_stream_box *box = handle->ctx;
  if (!box) {
    box = hr_slab_alloc(sizeof *box);
    if (!box) {
      if (stream) hr_stream_handle_release(stream);
      return no_memory();
    }
    box->stream = NULL;
    handle->ctx = box;
  }
  hr_stream *old = box->stream;
  box->stream = stream;
  if (old) hr_stream_handle_release(old);
  return HR_OK;
}

hr_status hr_give_device(mlx_device *handle, hr_device device) {
  hr_device *box = handle->ctx;
  if (!box) {
    box = hr_slab_alloc(sizeof *box);
    if (!box) return no_memory();
    handle->ctx = box;
  }
  *box = device;
  return HR_OK;
}
