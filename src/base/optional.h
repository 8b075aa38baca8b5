/* src/base/optional.h - arguments that may be missing, with the fields of mlx_optional_*: the glue copies them across.
 * `value` means nothing while has_value is false. The optional dtype is in array/dtype.h. */
#ifndef HR_BASE_OPTIONAL_H
#define HR_BASE_OPTIONAL_H

#include <stdbool.h>

typedef struct hr_optional_int {
  int value;
  bool has_value;
} hr_optional_int;

typedef struct hr_optional_float {
  float value;
  bool has_value;
} hr_optional_float;

#endif
