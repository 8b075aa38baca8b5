/* src/graph/draw.h - graphs of lazy arrays as text.
 *
 * Drawn is what an evaluation of `outputs` would still have to compute: arrays that are queued, computed or given are
 * where a drawing begins. Each op appears once, after those that make its inputs; of several outputs of one op those
 * appear that are used. Nothing is evaluated, and other threads may evaluate meanwhile: what they queue is drawn as it
 * was when the drawing came to it. Graphs may be of any depth. HR_IO: the file does not take the text. */
#ifndef HR_GRAPH_DRAW_H
#define HR_GRAPH_DRAW_H

#include <stdio.h>

#include "graph/namer.h"

/* In the DOT language of Graphviz: arrays by their names, ops as boxes. */
hr_status hr_draw_dot(FILE *file, hr_namer *namer, const hr_array_list *outputs) HR_MUST_USE;

/* A step a line, after the arrays from which the drawing begins: "C  float32(2,3)  add(A, B)". */
hr_status hr_draw_steps(FILE *file, hr_namer *namer, const hr_array_list *outputs) HR_MUST_USE;

#endif
