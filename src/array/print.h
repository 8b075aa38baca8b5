/* src/array/print.h - arrays as text, in the form of Python's mlx: array([[1, 2], [3, 4]], dtype=int32), rows on lines
 * of their own. Numbers have six digits as printf's %g gives them, with a point in every locale; an axis of more than
 * six elements is shortened to three at each end. */
#ifndef HR_ARRAY_PRINT_H
#define HR_ARRAY_PRINT_H

#include "array/array.h"

/* The array has its elements. The caller frees *out with hr_free(). */
hr_status hr_array_print(char **out, const hr_array *a) HR_MUST_USE;

#endif
