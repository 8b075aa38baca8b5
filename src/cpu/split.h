/* src/cpu/split.h - the axes of an input, split into those that stay and those that are reduced.
 * C1  A result is one position of `kept` and one column; the elements that it is made of are the positions of
 *     `inner`, in row-major order of the reduced axes.
 * C2  by_columns: one of the axes that stay has unit stride and no reduced axis has. It is left out of `kept`, and
 *     its elements are the columns. Else there is one column.
 * C3  The output is row-major over the axes that stay. */
#ifndef HR_CPU_SPLIT_H
#define HR_CPU_SPLIT_H

#include "cpu/loops.h"
#include "cpu/strided.h"

typedef struct hr_split {
  hr_loop kept;        /* operand 0 is the output, operand 1 the input */
  hr_loop inner;       /* operand 0 is the input, from the first result's first element on */
  bool dense;          /* the elements of a result have no gaps */
  bool by_columns;     /* C2 */
  int64_t columns;     /* at least 1 unless the input is empty */
  int64_t column_item; /* bytes in the output from one column to the next */
} hr_split;

/* `axes` is the mask of reduced axes, `item` the bytes of a result. */
void hr_split_axes(hr_split *out, const hr_array *in, uint32_t axes, char *output, int64_t item);

/* Copies `count` elements of the result whose first element is at `row`, from position `first` on. */
void hr_split_gather(char *out, const hr_split *split, const char *row, int64_t first, int64_t count, int64_t elem);

#endif
