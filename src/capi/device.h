/* src/capi/device.h - devices behind handles. */
#ifndef HR_CAPI_DEVICE_H
#define HR_CAPI_DEVICE_H

#include "capi/handle.h"

/* The device of a handle; fails on an empty one, naming the argument. */
hr_status hr_take_device(hr_device *out, mlx_device handle, const char *name) HR_MUST_USE;
/* Fails unless this machine has the device. */
hr_status hr_need_device(hr_device device) HR_MUST_USE;
/* "Device(cpu, 0)"; returns as snprintf does. */
int hr_device_format(char *text, size_t bytes, hr_device device);

#endif
