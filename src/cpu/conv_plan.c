/* How a convolution is cut; see conv.h. Everything depends on shapes, strides and dtype alone. */
#include <string.h>

#include "cpu/conv.h"
#include "ops/conv.h"

/* Work is counted in operations: a core does about 150 in a nanosecond. A chunk has TARGET of them, or a 32nd of all if
 * that is less, but LEAST; ROW_WORK stands for what an output of a panel costs besides its sums. It has TILES tiles or
 * more of a panel; where images have edges EDGE_TILES, and whole tiles along those: the edges' tiles are full then. A
 * block of panels stays in L2 while tiles pass by, and so does what a chunk copies. */
enum {
  DEPTH = 1024,
  TARGET = 16 << 20,
  LEAST = 4 << 20,
  MOST = 128 << 20,
  PARTS = 32,
  ROW_WORK = 1024,
  HALF_SPEED = 8
};
enum { PANEL_BLOCK_BYTES = 512 << 10, COPY_BYTES = 512 << 10, TILES = 4, EDGE_TILES = 32 };

static int64_t gcd(int64_t a, int64_t b) {
  while (b) {
    int64_t rest = a % b;
    a = b, b = rest;
  }
  return a;
}

/* --- axes --- */

static void phases_set(hr_conv_axis *a) {
  a->phase_step = a->spread / gcd(a->stride, a->spread);
  a->phases = hr_conv_min(a->phase_step, a->outputs);
  a->per_phase = hr_conv_ceil(a->outputs, a->phase_step);
}

void hr_conv_phase_init(hr_conv_phase *out, const hr_conv_axis *axis, int64_t r) {
  int64_t common = gcd(axis->dilation, axis->spread), start = r * axis->stride - axis->low;
  *out = (hr_conv_phase){.outputs = (axis->outputs - 1 - r) / axis->phase_step + 1,
                         .tap_step = axis->spread / common,
                         .step = axis->stride / gcd(axis->stride, axis->spread),
                         .reach = axis->dilation / common};
  int64_t last = hr_conv_min(axis->kernel, out->tap_step);
  while (out->first_tap < last && (start + out->first_tap * axis->dilation) % axis->spread != 0) out->first_tap++;
  if (out->first_tap == last) return;
  out->taps = (axis->kernel - 1 - out->first_tap) / out->tap_step + 1;
  out->at = (start + out->first_tap * axis->dilation) / axis->spread;
}

static void batch_axis(hr_conv_axis *a, const hr_array *in) {
  int length = hr_array_shape(in)[0];
  *a = (hr_conv_axis){.length = length, .outputs = length, .in = hr_array_strides(in)[0]};
  a->kernel = a->stride = a->dilation = a->spread = 1;
}

static void spatial_axis(hr_conv_axis *a, const hr_array *in, const hr_array *weight, const hr_array *out,
                         const hr_conv_attrs *attrs, int i) {
  *a = (hr_conv_axis){.length = hr_array_shape(in)[i + 1],
                      .outputs = hr_array_shape(out)[i + 1],
                      .low = attrs->low[i],
                      .kernel = hr_array_shape(weight)[i + 1],
                      .stride = attrs->stride[i],
                      .dilation = attrs->kernel_dilation[i],
                      .spread = attrs->input_dilation[i],
                      .in = hr_array_strides(in)[i + 1],
                      .weight = hr_array_strides(weight)[i + 1]};
}

static bool is_plain(const hr_conv_axis *a) {
  return a->kernel == 1 && a->spread == 1 && a->low == 0 && (a->outputs - 1) * a->stride < a->length;
}

/* Axes without a kernel, whose places follow each other evenly, are one. */
static void join_axes(hr_conv_axis *axis) {
  hr_conv_axis *last = &axis[HR_CONV_DIMS - 1];
  for (int i = HR_CONV_DIMS - 2; i >= 0 && is_plain(last) && is_plain(&axis[i]); i--) {
    hr_conv_axis *a = &axis[i];
    if (a->outputs == 1) continue;
    if (last->outputs == 1)
      last->in = a->in, last->stride = a->stride;
    else if (a->in * a->stride != last->in * last->stride * last->outputs)
      return;
    last->outputs *= a->outputs;
    last->length = (last->outputs - 1) * last->stride + 1;
    a->outputs = a->length = 1;
  }
}

static void axes_set(hr_conv_plan *p, const hr_array *in, const hr_array *weight, const hr_array *out,
                     const hr_conv_attrs *attrs) {
  int spatial = in->ndim - 2, unused = HR_CONV_DIMS - 1 - spatial;
  batch_axis(&p->axis[0], in);
  for (int i = 1; i <= unused; i++)
    p->axis[i] = (hr_conv_axis){.length = 1, .outputs = 1, .kernel = 1, .stride = 1, .dilation = 1, .spread = 1};
  for (int i = 0; i < spatial; i++) spatial_axis(&p->axis[i + unused + 1], in, weight, out, attrs, i);
  join_axes(p->axis);
  int64_t stride = p->outputs, taps = 1;
  for (int i = HR_CONV_DIMS - 1; i >= 0; i--) {
    hr_conv_axis *a = &p->axis[i];
    a->out = stride, a->panel = taps;
    stride *= a->outputs, taps *= a->kernel;
    if (attrs->flip) p->weight += (a->kernel - 1) * a->weight * p->item, a->weight = -a->weight;
    phases_set(a);
  }
  p->taps = taps;
}

/* Rows of tiles lie along the last axis, unless that is too short for half a tile. */
static void choose_rows(hr_conv_plan *p) {
  p->inner = HR_CONV_DIMS - 1;
  for (int i = HR_CONV_DIMS - 2; i >= 0; i--)
    if (p->axis[p->inner].per_phase < p->kernels->rows / 2 && p->axis[i].per_phase > p->axis[p->inner].per_phase)
      p->inner = i;
  p->second = p->inner == HR_CONV_DIMS - 1 ? HR_CONV_DIMS - 2 : HR_CONV_DIMS - 1;
  for (int i = HR_CONV_DIMS - 1; i >= 0; i--)
    if (i != p->inner && p->axis[i].per_phase > p->axis[p->second].per_phase) p->second = i;
}

/* --- channels --- */

/* Groups of few outputs share vectors, if the kernels can do that. */
static void sets_set(hr_conv_plan *p, int groups) {
  int64_t columns = p->kernels->columns, lanes = columns / 2, in = p->channels / groups, out = p->outputs / groups;
  p->group_in = in, p->group_out = out;
  p->tap_terms = hr_conv_ceil(in, p->kernels->block) * p->kernels->block;
  p->depthwise = groups > 1 && in == 1 && out == 1;
  p->lanewise = groups > 1 && !p->depthwise && p->kernels->tile_groups && out < lanes && lanes % out == 0 && in <= out;
  if (p->depthwise || p->lanewise) {
    p->set_out = columns, p->set_in = columns / out * in;
    p->sets = hr_conv_ceil(p->outputs, columns);
    for (int i = 0; i < HR_CONV_LANES; i++) p->lanes[i] = (int32_t)(i / out * in);
  } else {
    p->sets = groups;
    p->set_in = p->tap_terms, p->set_out = out;
  }
  p->set_panels = hr_conv_ceil(p->set_out, columns);
  p->panels = p->sets * p->set_panels;
  p->terms = p->taps * p->tap_terms;
  int64_t steps = hr_conv_ceil(p->terms, DEPTH);
  p->depth = steps > 1 ? hr_conv_ceil(p->terms, steps * p->kernels->block) * p->kernels->block : DEPTH;
  p->most_runs = p->taps + steps + 1;
}

/* --- what is copied --- */

static bool fits(const hr_conv_axis *a) {
  for (int64_t r = 0; r < a->phases; r++) {
    hr_conv_phase phase;
    hr_conv_phase_init(&phase, a, r);
    if (phase.taps == 0) continue;
    if (phase.at < 0 || phase.at + (phase.outputs - 1) * phase.step + (phase.taps - 1) * phase.reach >= a->length)
      return false;
    if (a->phases > PARTS) return false; /* not worth looking further */
  }
  return true;
}

/* Some outputs meet padding. */
static bool has_edges(const hr_conv_plan *p) {
  for (int i = 0; i < HR_CONV_DIMS; i++)
    if (!fits(&p->axis[i])) return true;
  return false;
}

static void copies_set(hr_conv_plan *p) {
  int64_t vector = p->kernels->columns / 2;
  bool as_is = p->part == p->item && p->tap_terms == p->group_in;
  p->in_place = as_is && (p->channel_stride == 1 || p->channels == 1);
  if (p->depthwise && (p->channels % vector != 0 || p->channel_stride != 1)) p->in_place = false;
  p->skips = p->depthwise || p->lanewise || (p->kernels->block == 1 && hr_conv_skips_pay(p));
  p->copies = !p->in_place || (!p->skips && has_edges(p));
}

/* Elements that chunks of the present blocks copy at the most. */
static int64_t copied(const hr_conv_plan *p, bool patches) {
  int64_t sets = hr_conv_min(hr_conv_ceil(p->chunk_panels, p->set_panels) + (p->set_panels > 1), p->sets);
  double size = (double)(sets * p->set_in);
  for (int i = 0; i < HR_CONV_DIMS; i++) {
    const hr_conv_axis *a = &p->axis[i];
    int64_t common = gcd(a->dilation, a->spread), taps = hr_conv_ceil(a->kernel, a->spread / common);
    int64_t step = a->stride / gcd(a->stride, a->spread), reach = (taps - 1) * (a->dilation / common);
    size *= patches ? (double)(a->block * taps) : (double)((a->block - 1) * step + reach + 1);
  }
  return size < 0x1p50 ? (int64_t)size : (int64_t)1 << 50;
}

/* --- chunks --- */

static void cut_axis(hr_conv_axis *a, int64_t most, int64_t multiple) {
  int64_t parts = hr_conv_ceil(a->per_phase, most < 1 ? 1 : most);
  a->block = hr_conv_ceil(hr_conv_ceil(a->per_phase, parts), multiple) * multiple;
  a->block = hr_conv_min(a->block, a->per_phase);
}

/* Blocks of `most` outputs of a phase: whole rows first. */
static void cut_blocks(hr_conv_plan *p, int64_t most) {
  cut_axis(&p->axis[p->inner], most, p->kernels->rows);
  most /= p->axis[p->inner].block;
  for (int i = HR_CONV_DIMS - 1; i >= 0; i--) {
    if (i == p->inner) continue;
    bool pairs = i == p->second && most >= 2 && 2 * p->axis[p->inner].per_phase <= p->kernels->rows;
    cut_axis(&p->axis[i], most, pairs ? 2 : 1);
    most /= p->axis[i].block;
  }
}

static int64_t block_outputs(const hr_conv_plan *p) {
  int64_t count = 1;
  for (int i = 0; i < HR_CONV_DIMS; i++) count *= p->axis[i].block;
  return count;
}

/* Outputs that a chunk has at least; `work` is that of one output by a panel. */
static int64_t least_outputs(const hr_conv_plan *p, int64_t work) {
  int64_t rows = p->kernels->rows, least = TILES * rows;
  if (p->depthwise || p->lanewise || !p->skips || !has_edges(p)) return least;
  int64_t edge = p->axis[p->inner].per_phase * hr_conv_min(p->axis[p->second].per_phase, rows);
  if (edge < EDGE_TILES * rows) edge = EDGE_TILES * rows;
  if (edge > MOST / work) edge = MOST / work;
  return edge > least ? edge : least;
}

/* Sums of a column that a chunk holds back: tile registers also multiply what lies between the rows of outputs, which
 * is less than the input below them. */
static int64_t most_sums(const hr_conv_plan *p) {
  int64_t outputs = block_outputs(p);
  if (p->kernels->block == 1) return outputs;
  int64_t places = copied(p, false) / p->tap_terms;
  return places > outputs ? places : outputs;
}

static void cut_chunks(hr_conv_plan *p) {
  int64_t columns = p->kernels->columns, work = 2 * p->terms * columns + ROW_WORK, rows = p->kernels->rows;
  p->work = (double)work * (double)p->panels;
  for (int i = 0; i < HR_CONV_DIMS; i++) p->work *= (double)p->axis[i].outputs;
  double total = p->work / PARTS, speed = (double)p->speed;
  int64_t target = (int64_t)(total > TARGET * speed ? TARGET * speed : total < LEAST * speed ? LEAST * speed : total);
  int64_t least = least_outputs(p, work);
  p->cached_panels = PANEL_BLOCK_BYTES / ((p->terms + 1) * columns * p->part) + 1;
  p->panel_blocks = hr_conv_ceil(p->panels, target / (work * least) + 1);
  p->chunk_panels = hr_conv_ceil(p->panels, p->panel_blocks);
  int64_t most = target / (work * p->chunk_panels) + 1;
  if (most < least) most = least;
  for (;; most = block_outputs(p) / 2) {
    cut_blocks(p, most);
    int64_t region = copied(p, false), patches = copied(p, true);
    p->patches = patches < region;
    p->copy_size = p->copies ? hr_conv_min(region, patches) : 0;
    if (p->copy_size * p->part <= COPY_BYTES || block_outputs(p) <= rows) break;
  }
  p->sums_size = p->copy.store ? most_sums(p) * p->chunk_panels * columns : 0;
  p->chunks = p->panel_blocks;
  for (int i = 0; i < HR_CONV_DIMS; i++) {
    p->axis[i].blocks = hr_conv_ceil(p->axis[i].per_phase, p->axis[i].block);
    p->chunks *= p->axis[i].blocks * p->axis[i].phases;
  }
  p->packs_late = p->chunks == p->panel_blocks;
}

void hr_conv_plan_init(hr_conv_plan *p, const hr_array *in, const hr_array *weight, const hr_array *out,
                       const void *attrs) {
  int last = in->ndim - 1;
  p->in = hr_array_data(in), p->weight = hr_array_data(weight), p->out = hr_array_data(out);
  p->item = (int64_t)hr_array_itemsize(in), p->unit = p->item == 8 ? 8 : 4;
  p->part = p->kernels->block > 1 ? p->item : p->unit, p->speed = p->kernels->block > 1 ? HALF_SPEED : 1;
  p->channels = hr_array_shape(in)[last], p->outputs = hr_array_shape(out)[last];
  p->channel_stride = hr_array_strides(in)[last];
  p->weight_out = hr_array_strides(weight)[0], p->weight_channel = hr_array_strides(weight)[last];
  axes_set(p, in, weight, out, attrs);
  choose_rows(p);
  sets_set(p, ((const hr_conv_attrs *)attrs)->groups);
  copies_set(p);
  cut_chunks(p);
}

size_t hr_conv_panel_bytes(const hr_conv_plan *p) {
  return (size_t)(p->packs_late ? 0 : p->panels * hr_conv_panel_size(p));
}

size_t hr_conv_scratch_bytes(const hr_conv_plan *p) {
  return (size_t)(p->most_runs * (int64_t)sizeof(hr_conv_run) + p->copy_size * p->part + p->sums_size * p->unit +
                  (p->packs_late ? p->chunk_panels * hr_conv_panel_size(p) : 0)) +
         4 * HR_DATA_ALIGN;
}

/* --- panels --- */

int64_t hr_conv_pack_rows(const hr_conv_plan *p) { return p->taps / p->axis[HR_CONV_DIMS - 1].kernel; }

/* The taps along the last axis at one place of the others, into the panel at `to`. */
static void pack_row(const hr_conv_plan *p, int64_t panel, int64_t row, char *to) {
  const hr_conv_axis *last = &p->axis[HR_CONV_DIMS - 1];
  int64_t set = panel / p->set_panels, columns = p->kernels->columns, rest = row;
  int64_t first = set * p->set_out + panel % p->set_panels * columns;
  int64_t end = hr_conv_min((set + 1) * p->set_out, p->outputs), offset = first * p->weight_out;
  int64_t channels = p->group_in;
  int count = (int)hr_conv_min(end - first, columns);
  for (int i = HR_CONV_DIMS - 2; i >= 0; i--) {
    offset += rest % p->axis[i].kernel * p->axis[i].weight;
    rest /= p->axis[i].kernel;
  }
  const char *from = p->weight + offset * p->item;
  to += row * last->kernel * p->tap_terms * columns * p->part;
  if (p->tap_terms == channels && (channels == 1 || last->weight == channels * p->weight_channel)) {
    p->pack(to, from, last->kernel * channels, (int)columns, count, p->weight_out,
            channels == 1 ? last->weight : p->weight_channel);
    return;
  }
  for (int64_t i = 0; i < last->kernel; i++)
    p->pack(to + i * p->tap_terms * columns * p->part, from + i * last->weight * p->item, channels, (int)columns, count,
            p->weight_out, p->weight_channel);
}

void hr_conv_pack(const hr_conv_plan *p, int64_t first, int64_t end, int64_t panel, char *to) {
  int64_t rows = hr_conv_pack_rows(p), size = hr_conv_panel_size(p);
  for (int64_t i = first; i < end; i++) pack_row(p, i / rows, i % rows, to + (i / rows - panel) * size);
}
