/* Work on two streams at once, their sum on a third, and a callback when it is there. */
#include <semaphore.h>
#include <stdio.h>

#include "headrace/headrace.h"
#include "mlx/c/mlx.h"

static void ready(void *done, hr_status status) {
  printf("the sum is there: %s\n", hr_status_name(status));
  sem_post(done);
}

int main(void) {
  int shape[] = {1024, 1024};
  sem_t done;
  sem_init(&done, 0, 0);
  mlx_device cpu = mlx_device_new_type(MLX_CPU, 0);
  mlx_stream left = mlx_stream_new_device(cpu), right = mlx_stream_new_device(cpu), both = mlx_stream_new_device(cpu);
  mlx_array a = mlx_array_new(), x = mlx_array_new(), y = mlx_array_new(), sum = mlx_array_new();
  mlx_random_normal(&a, shape, 2, MLX_FLOAT32, 0, 1, mlx_array_new(), left);
  mlx_matmul(&x, a, a, left); /* nothing runs yet: arrays are lazy */
  mlx_exp(&y, a, right);      /* will wait for a, not for x */
  mlx_add(&sum, x, y, both);  /* will wait for both */
  hr_fence *fence = NULL;
  hr_fence_of_arrays(&fence, mlx_vector_array_new_value(sum)); /* now the streams work */
  hr_on_complete(NULL, fence, ready, &done, NULL);             /* calls ready() on the library's own thread */
  sem_wait(&done);
  return 0;
}
