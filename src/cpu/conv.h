/* src/cpu/conv.h - how a convolution is cut and laid out, for conv.c, conv_plan.c, conv_piece.c and
 * conv_tiles.c.
 *
 * Outputs are counted along four axes: the batch, then up to three spatial ones. Where the input is spread (input
 * dilation), output o of an axis meets elements of the input only at every few taps of the kernel, and which ones
 * depends on o modulo the number of phases: outputs of one phase are a convolution without spread, with the taps of
 * that phase alone.
 *
 * Channels come in sets: the input channels of a group, with the group's outputs; or, where groups have few outputs,
 * as many groups as fill the columns of a panel. The outputs of a set are cut into panels.
 *
 * A chunk is a block of outputs of one phase, by some panels. It reads the input in place where it can, and leaves out
 * taps that meet padding, so that it does not matter what lies there. Otherwise it copies what it needs into scratch
 * memory first: the region of the input below its outputs or, if that is smaller, the patch of each output, with zeros
 * where padding is. The latter is a few rows of the matrix that is called im2col; the whole of it is never made.
 * Kernels of many taps, at whose edges hardly two outputs meet the same ones, take a region with zeros too. */
#ifndef HR_CPU_CONV_H
#define HR_CPU_CONV_H

#include "array/array.h"
#include "cpu/kernels/conv.h"
#include "cpu/kernels/gemm.h"
#include "cpu/scratch.h"

enum { HR_CONV_DIMS = 4, HR_CONV_LANES = 16 };

/* Strides are in elements. */
typedef struct hr_conv_axis {
  int64_t length, outputs, low; /* low: padding before */
  int kernel, stride, dilation, spread;
  int64_t in, out, weight;
  int64_t panel;         /* taps of the panel from tap to tap */
  int64_t phases;        /* that have outputs */
  int64_t phase_step;    /* from output to output of a phase; also the number of all phases */
  int64_t per_phase;     /* outputs of phase 0, which has most */
  int64_t block, blocks; /* outputs of a phase in a chunk, and how many such blocks there are */
} hr_conv_axis;

typedef struct hr_conv_phase {
  int64_t outputs;
  int64_t first_tap, tap_step, taps;
  /* Place in the input of output 0's first tap; the next output's; the next tap's. */
  int64_t at, step, reach;
} hr_conv_phase;

typedef struct hr_conv_plan {
  const hr_conv_kernels *kernels;
  void (*pack)(void *panel, const void *from, int64_t k, int width, int count, int64_t across, int64_t along);
  hr_conv_copy_kernels copy;
  hr_conv_axis axis[HR_CONV_DIMS];
  int inner, second; /* axes along which most tiles' rows, and their halves, lie */
  const char *in, *weight;
  char *out;
  int64_t item, unit; /* bytes of an element, and of a sum (float or double) */
  int64_t part;       /* bytes of what is multiplied, in copies and panels: a sum's, or an element's with AMX */
  int64_t speed;      /* operations in the time of one of float32 */
  int64_t channels, outputs, channel_stride;
  int64_t weight_out, weight_channel; /* strides of the weight */
  int64_t group_in, group_out;
  bool depthwise;    /* every channel is a group of its own */
  bool lanewise;     /* groups of few outputs, several of them in a vector */
  bool in_place;     /* the input's elements can be read as they are */
  bool skips;        /* taps that meet padding are left out, unless patches are copied */
  bool copies;       /* some chunks have to copy */
  bool patches;      /* they copy patches */
  int64_t tap_terms; /* of a tap in a panel: group_in, with zeros behind it up to the kernels' block */
  int64_t set_in, set_out, sets, set_panels, panels;
  int32_t lanes[HR_CONV_LANES]; /* lanewise: the first channel that each lane of a vector sees */
  int64_t taps, terms, depth;   /* terms of a sum; at most `depth` of them are summed up in one go */
  int64_t chunk_panels, panel_blocks;
  int64_t cached_panels;        /* that stay in L2 while outputs pass by */
  int64_t copy_size, sums_size; /* most parts that a chunk copies; sums that it holds back (half types) */
  int64_t most_runs;
  double work; /* operations, about */
  int64_t chunks;
  bool packs_late; /* no two chunks take the same panels: each packs its own, which then are in its core's cache */
  char *panel_data;
} hr_conv_plan;

static inline int64_t hr_conv_min(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t hr_conv_ceil(int64_t a, int64_t b) { return (a + b - 1) / b; }

/* From inputs (N, spatial..., C) and weights (O, kernel..., C / groups), to `out`, which has its memory and is not
 * empty. The kernels come from the caller. */
void hr_conv_plan_init(hr_conv_plan *plan, const hr_array *in, const hr_array *weight, const hr_array *out,
                       const void *attrs);

/* Outputs r, r + phase_step, ... of an axis; r < phases. */
void hr_conv_phase_init(hr_conv_phase *out, const hr_conv_axis *axis, int64_t r);

/* Bytes of a panel; of all that are packed before the chunks; of a chunk's scratch memory. */
static inline int64_t hr_conv_panel_size(const hr_conv_plan *plan) {
  return plan->terms * plan->kernels->columns * plan->part;
}
size_t hr_conv_panel_bytes(const hr_conv_plan *plan);
size_t hr_conv_scratch_bytes(const hr_conv_plan *plan);

/* Packs units [first, end) of the weights, hr_conv_pack_rows() a panel; `to` is the place of `panel`. */
int64_t hr_conv_pack_rows(const hr_conv_plan *plan);
void hr_conv_pack(const hr_conv_plan *plan, int64_t first, int64_t end, int64_t panel, char *to);

/* Whether the plan's dense tiles take less time if they leave out taps that meet padding than with zeros there. */
bool hr_conv_skips_pay(const hr_conv_plan *plan);

/* Computes one chunk of the result; `scratch` is a block of hr_conv_scratch_bytes(). */
void hr_conv_chunk(const hr_conv_plan *plan, int64_t chunk, void *scratch);

#endif
