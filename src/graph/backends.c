#include "graph/backends.h"

hr_backend hr_backend_of_device(uint8_t device_type) {
  return device_type == HR_DEVICE_GPU ? HR_BACKEND_CUDA : HR_BACKEND_CPU;
}

int hr_device_count(uint8_t device_type) { return device_type == HR_DEVICE_CPU ? 1 : 0; }
