/* Devices: values of type and index behind a box. An index of -1 marks an empty one. */
#include "mlx/c/device.h"

#include <stdio.h>

#include "base/memory.h"
#include "capi/device.h"
#include "capi/handle.h"
#include "graph/backends.h"
#include "sched/thread.h"

enum { EMPTY = -1, DEVICE_TEXT = 48 };

hr_status hr_take_device(hr_device *out, mlx_device handle, const char *name) {
  const hr_device *box = handle.ctx;
  *out = (hr_device){.index = EMPTY};
  if (!box || box->index == EMPTY) return hr_refuse_empty(name);
  *out = *box;
  return HR_OK;
}

static const char *type_name(int type) { return type == HR_DEVICE_GPU ? "gpu" : "cpu"; }

static hr_status check_type(int type) {
  if (type < 0 || type >= HR_DEVICE_TYPE_COUNT) return hr_fail(HR_INVALID, "%d is no type of device", type);
  return HR_OK;
}

hr_status hr_need_device(hr_device device) {
  int count = hr_device_count(device.type);
  if (device.index < count) return HR_OK;
  return hr_fail(HR_UNSUPPORTED, "there is no Device(%s, %d): %d of this type can be used", type_name(device.type),
                 device.index, count);
}

int hr_device_format(char *text, size_t bytes, hr_device device) {
  return snprintf(text, bytes, "Device(%s, %d)", type_name(device.type), device.index);
}

mlx_device mlx_device_new(void) {
  mlx_device handle = {0};
  (void)hr_capi_result("mlx_device_new", hr_give_device(&handle, (hr_device){.index = EMPTY}));
  return handle;
}

mlx_device mlx_device_new_type(mlx_device_type type, int index) {
  mlx_device handle = {0};
  hr_status status;
  HR_TRY(check_type((int)type));
  if (index < 0) HR_TRY(hr_fail(HR_INVALID, "%d is no index of a device", index));
  HR_TRY(hr_give_device(&handle, (hr_device){.type = (uint8_t)type, .index = index}));
done:
  (void)hr_capi_result("mlx_device_new_type", status);
  return handle;
}

int mlx_device_free(mlx_device dev) {
  if (dev.ctx) hr_slab_free(dev.ctx, sizeof(hr_device));
  return 0;
}

int mlx_device_set(mlx_device *dev, const mlx_device src) {
  hr_device device;
  hr_status status;
  HR_TRY(hr_need_pointer(dev, "dev"));
  HR_TRY(hr_take_device(&device, src, "src"));
  HR_TRY(hr_give_device(dev, device));
done:
  return hr_capi_result("mlx_device_set", status);
}

int mlx_device_tostring(mlx_string *str, mlx_device dev) {
  char text[DEVICE_TEXT];
  hr_device device;
  hr_status status;
  HR_TRY(hr_need_pointer(str, "str"));
  HR_TRY(hr_take_device(&device, dev, "dev"));
  hr_device_format(text, sizeof text, device);
  HR_TRY(hr_give_string(str, text));
done:
  return hr_capi_result("mlx_device_tostring", status);
}

bool mlx_device_equal(mlx_device lhs, mlx_device rhs) {
  const hr_device *a = lhs.ctx, *b = rhs.ctx;
  bool a_empty = !a || a->index == EMPTY, b_empty = !b || b->index == EMPTY;
  if (a_empty || b_empty) return a_empty && b_empty;
  return a->type == b->type && a->index == b->index;
}

int mlx_device_get_index(int *index, mlx_device dev) {
  hr_device device;
  hr_status status;
  HR_TRY(hr_need_pointer(index, "index"));
  HR_TRY(hr_take_device(&device, dev, "dev"));
  *index = device.index;
done:
  return hr_capi_result("mlx_device_get_index", status);
}

int mlx_device_get_type(mlx_device_type *type, mlx_device dev) {
  hr_device device;
  hr_status status;
  HR_TRY(hr_need_pointer(type, "type"));
  HR_TRY(hr_take_device(&device, dev, "dev"));
  *type = (mlx_device_type)device.type;
done:
  return hr_capi_result("mlx_device_get_type", status);
}

int mlx_get_default_device(mlx_device *dev) {
  const hr_thread *thread = hr_thread_peek();
  hr_device device = {.type = HR_DEVICE_CPU};
  hr_status status;
  HR_TRY(hr_need_pointer(dev, "dev"));
  if (thread) device = (hr_device){.type = thread->default_device, .index = thread->default_device_index};
  HR_TRY(hr_give_device(dev, device));
done:
  return hr_capi_result("mlx_get_default_device", status);
}

int mlx_set_default_device(mlx_device dev) {
  hr_device device;
  hr_thread *thread = NULL;
  hr_status status;
  HR_TRY(hr_take_device(&device, dev, "dev"));
  HR_TRY(hr_need_device(device));
  thread = hr_thread_get();
  if (!thread) HR_TRY(hr_fail(HR_OUT_OF_MEMORY, "no memory for a thread's defaults"));
  thread->default_device = device.type;
  thread->default_device_index = (uint8_t)device.index;
done:
  return hr_capi_result("mlx_set_default_device", status);
}

int mlx_device_is_available(bool *avail, mlx_device dev) {
  hr_device device;
  hr_status status;
  HR_TRY(hr_need_pointer(avail, "avail"));
  HR_TRY(hr_take_device(&device, dev, "dev"));
  *avail = device.index < hr_device_count(device.type);
done:
  return hr_capi_result("mlx_device_is_available", status);
}

int mlx_device_count(int *count, mlx_device_type type) {
  hr_status status;
  HR_TRY(hr_need_pointer(count, "count"));
  HR_TRY(check_type((int)type));
  *count = hr_device_count((uint8_t)type);
done:
  return hr_capi_result("mlx_device_count", status);
}
