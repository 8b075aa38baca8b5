/* src/graph/backends.h - the one table that knows which backend runs the streams of a device. */
#ifndef HR_GRAPH_BACKENDS_H
#define HR_GRAPH_BACKENDS_H

#include "graph/op.h"

/* The values of mlx_device_type. */
typedef enum hr_device_type { HR_DEVICE_CPU, HR_DEVICE_GPU, HR_DEVICE_TYPE_COUNT } hr_device_type;

hr_backend hr_backend_of_device(uint8_t device_type);

/* How many devices of the type this machine offers; 0 for GPUs on a machine without one. */
int hr_device_count(uint8_t device_type);

#endif
