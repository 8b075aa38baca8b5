/* src/cpu/conv_piece.h - a chunk of a convolution while it is computed: conv_piece.c finds its outputs and lays out its
 * input, conv_tiles.c multiplies. */
#ifndef HR_CPU_CONV_PIECE_H
#define HR_CPU_CONV_PIECE_H

#include "cpu/conv.h"

/* Strides are in elements of what they lead through. */
typedef struct hr_conv_piece {
  const hr_conv_plan *plan;
  hr_conv_phase phase[HR_CONV_DIMS];
  int64_t first[HR_CONV_DIMS], count[HR_CONV_DIMS]; /* outputs of the phase */
  int64_t panel, panel_end;
  const char *panels;        /* packed, from `panel` on */
  int64_t channel, channels; /* of the input that its sets have */
  bool in_place;             /* a is the input itself */
  bool skips;                /* taps that meet padding are left out; else they meet zeros */
  const char *a;             /* the first tap of the first output, at `channel`; where that is padding, out of bounds */
  int64_t a_step[HR_CONV_DIMS], a_tap[HR_CONV_DIMS];
  char *c; /* the first output's first column */
  int64_t c_step[HR_CONV_DIMS];
  int64_t column, columns;
  hr_conv_run *runs; /* most_runs of them */
  char *copy, *sums;
  /* Half types: where complete sums go, and how many outputs there are; count is that of the sums. */
  char *store;
  int64_t store_step[HR_CONV_DIMS], store_count[HR_CONV_DIMS];
} hr_conv_piece;

/* A walk over panels: the set, the panel's number in it, and its columns. */
typedef struct hr_conv_panel {
  int64_t set, in_set, column, column_end;
} hr_conv_panel;

hr_conv_panel hr_conv_panel_at(const hr_conv_plan *plan, int64_t index);
void hr_conv_panel_next(const hr_conv_plan *plan, hr_conv_panel *panel);

/* The place in the input, along axis i, of the first output's first tap. */
static inline int64_t hr_conv_start(const hr_conv_piece *c, int i) {
  return c->phase[i].at + c->first[i] * c->phase[i].step;
}

/* Computes the piece's outputs. */
void hr_conv_tiles(const hr_conv_piece *piece);

#endif
