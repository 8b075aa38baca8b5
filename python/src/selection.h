/* python/src/selection.h - what an index means, for reading and for assignment.
 *
 * NumPy's rules: slices, None and ... keep or add axes; ints drop theirs; index arrays (and bool arrays, as the places
 * where they are true) are broadcast together, and their shape stands where the first of them stands, or in front if
 * something lies between them. Beside arrays ints count as arrays of no axes. */
#ifndef HR_PYTHON_SELECTION_H
#define HR_PYTHON_SELECTION_H

#include "core.h"

typedef enum hr_entry_kind { HR_ENTRY_AXIS, HR_ENTRY_NEW, HR_ENTRY_INT, HR_ENTRY_ARRAY, HR_ENTRY_GAP } hr_entry_kind;

typedef struct hr_selection {
  int ndim;
  const int *shape;
  int start[HR_MAX_AXES], stop[HR_MAX_AXES], step[HR_MAX_AXES], length[HR_MAX_AXES]; /* of each axis of the array */
  bool whole; /* the slices take everything, in order */

  int count; /* entries of the index, in order; those of kind AXIS, INT and ARRAY stand for an axis each.
              * GAP is a ... for no axes: it still lies between index arrays */
  uint8_t kinds[2 * HR_MAX_AXES];
  mlx_array arrays[HR_MAX_AXES]; /* of the ARRAY entries, kept by the call */
  int array_count, int_count, new_count, gap_count;

  mlx_array mask; /* the whole index is this bool array; else empty. Then there are no entries */
} hr_selection;

/* Reads the index. With `keep_mask` a single bool array is not turned into places. */
bool hr_selection_read(hr_selection *out, hr_call *call, mlx_array array, PyObject *key, bool keep_mask);

/* --- What reading and assignment share --- */

/* The array after slicing, without the axes of INT entries. */
bool hr_selection_cut(mlx_array *out, const hr_selection *sel, hr_call *call, mlx_array array);
/* Positions of the ARRAY entries among the axes that hr_selection_cut() leaves. */
int hr_selection_array_axes(int axes[HR_MAX_AXES], const hr_selection *sel);
/* Axes of the index arrays, broadcast together, with their lengths. */
bool hr_selection_index_shape(hr_ints *out, const hr_selection *sel, hr_call *call);
/* Number of AXIS and NEW entries in front of the index arrays' axes in the result: 0 if these stand in front. */
int hr_selection_before(const hr_selection *sel);
/* A vector of the index arrays. */
mlx_vector_array hr_selection_indices(const hr_selection *sel);
/* The axes of the array whose entries are ints. */
size_t hr_selection_int_axes(int axes[HR_MAX_AXES], const hr_selection *sel);

#endif
