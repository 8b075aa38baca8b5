/* One chunk of a convolution; see conv.h. */
#include <string.h>

#include "cpu/conv.h"

enum { DIMS = HR_CONV_DIMS, LAST = HR_CONV_DIMS - 1 };
/* Outputs along a row of depthwise kernels; shorter rows than LEAST are turned where that makes them longer. */
enum { CHANNEL_BLOCK = 64, CHANNEL_LEAST = 8 };

/* Strides are in elements of what they lead through. */
typedef struct piece {
  const hr_conv_plan *plan;
  hr_conv_phase phase[DIMS];
  int64_t first[DIMS], count[DIMS]; /* outputs of the phase */
  int64_t panel, panel_end;
  int64_t channel, channels; /* of the input that its sets have */
  const char *a;             /* the first tap of the first output, at `channel` */
  int64_t a_step[DIMS], a_tap[DIMS];
  char *c; /* the first output's first column */
  int64_t c_step[DIMS];
  int64_t column, columns;
  hr_conv_run *runs;
  char *copy, *sums;
  char *store; /* where complete sums go (half types), with steps of its own */
  int64_t store_step[DIMS];
} piece;

/* --- which outputs and panels --- */

static int64_t take(int64_t *index, int64_t count) {
  int64_t digit = *index % count;
  *index /= count;
  return digit;
}

static int64_t column_of(const hr_conv_plan *p, int64_t panel) {
  return panel / p->set_panels * p->set_out + panel % p->set_panels * p->kernels->columns;
}

/* One past the last column of the panel. */
static int64_t column_end(const hr_conv_plan *p, int64_t panel) {
  int64_t end = hr_conv_min(column_of(p, panel) + p->kernels->columns, (panel / p->set_panels + 1) * p->set_out);
  return hr_conv_min(end, p->outputs);
}

/* Chunks that follow each other are phases of the same outputs; then, if there are several sets, which are neighbours
 * in memory, panels; then outputs. Panels of a single set change last: they stay in the caches meanwhile. False if
 * the phase has no outputs in this block. */
static bool piece_find(piece *c, int64_t chunk) {
  const hr_conv_plan *p = c->plan;
  int64_t phase[DIMS], panels = 0, block;
  for (int i = LAST; i >= 0; i--) phase[i] = take(&chunk, p->axis[i].phases);
  if (p->sets > 1) panels = take(&chunk, p->panel_blocks);
  for (int i = LAST; i >= 0; i--) {
    const hr_conv_axis *a = &p->axis[i];
    block = take(&chunk, a->blocks);
    hr_conv_phase_init(&c->phase[i], a, phase[i]);
    c->first[i] = block * a->block;
    c->count[i] = hr_conv_min(a->block, c->phase[i].outputs - c->first[i]);
    if (c->count[i] <= 0) return false;
  }
  if (p->sets == 1) panels = chunk;
  c->panel = panels * p->chunk_panels, c->panel_end = hr_conv_min(c->panel + p->chunk_panels, p->panels);
  int64_t set = c->panel / p->set_panels, set_end = (c->panel_end - 1) / p->set_panels + 1;
  c->channel = set * p->set_in, c->channels = hr_conv_min(set_end * p->set_in, p->channels) - c->channel;
  c->column = column_of(p, c->panel), c->columns = column_end(p, c->panel_end - 1) - c->column;
  for (int i = 0; i < DIMS; i++) {
    c->c_step[i] = p->axis[i].phase_step * p->axis[i].out;
    c->column += (phase[i] + c->first[i] * p->axis[i].phase_step) * p->axis[i].out; /* as an offset, see below */
  }
  c->c = p->out + c->column * p->item;
  c->column = column_of(p, c->panel);
  return c->panel < c->panel_end;
}

static bool has_taps(const piece *c) {
  for (int i = 0; i < DIMS; i++)
    if (c->phase[i].taps == 0) return false;
  return c->plan->terms > 0;
}

static int64_t start_of(const piece *c, int i) { return c->phase[i].at + c->first[i] * c->phase[i].step; }

/* Places along axis i from the first output's first tap to the last one's last. */
static int64_t extent_of(const piece *c, int i) {
  return (c->count[i] - 1) * c->phase[i].step + (c->phase[i].taps - 1) * c->phase[i].reach + 1;
}

static bool inside(const piece *c) {
  for (int i = 0; i < DIMS; i++)
    if (start_of(c, i) < 0 || start_of(c, i) + extent_of(c, i) > c->plan->axis[i].length) return false;
  return true;
}

/* --- where A is --- */

/* The input itself; with padding the pointer may be outside of it, and only taps that are inside may be read. */
static void read_in_place(piece *c) {
  const hr_conv_plan *p = c->plan;
  int64_t offset = c->channel * p->channel_stride;
  for (int i = 0; i < DIMS; i++) {
    offset += start_of(c, i) * p->axis[i].in;
    c->a_step[i] = c->phase[i].step * p->axis[i].in, c->a_tap[i] = c->phase[i].reach * p->axis[i].in;
  }
  c->a = (const char *)((uintptr_t)p->in + (uintptr_t)(offset * p->item));
}

/* count places along the last axis from `place` on, `apart` from each other, at the places `at` of the others. */
static void copy_row(const piece *c, char *to, int64_t pitch, const int64_t *at, int64_t place, int64_t apart,
                     int64_t count) {
  const hr_conv_plan *p = c->plan;
  const hr_conv_axis *last = &p->axis[LAST];
  int64_t before = place < 0 ? hr_conv_min(hr_conv_ceil(-place, apart), count) : 0;
  int64_t end = place < last->length ? hr_conv_min((last->length - 1 - place) / apart + 1, count) : before;
  int64_t offset = c->channel * p->channel_stride + (place + before * apart) * last->in;
  for (int i = 0; i < LAST; i++) {
    if (at[i] < 0 || at[i] >= p->axis[i].length) end = before;
    offset += at[i] * p->axis[i].in;
  }
  if (end <= before) before = count, end = count;
  memset(to, 0, (size_t)(before * pitch * p->unit));
  if (end > before)
    p->copy->load(to + before * pitch * p->unit, pitch, p->in + offset * p->item, apart * last->in, p->channel_stride,
                  end - before, c->channels);
  memset(to + end * pitch * p->unit, 0, (size_t)((count - end) * pitch * p->unit));
}

static int64_t pitch_of(const piece *c) {
  const hr_conv_plan *p = c->plan;
  if (p->depthwise) return hr_conv_ceil(c->channels, p->set_in) * p->set_in;
  return c->channels + p->copy_pad;
}

static void copy_region(piece *c) {
  int64_t pitch = pitch_of(c), stride[DIMS], extent[DIMS], at[DIMS], size = pitch;
  char *to = c->copy;
  for (int i = LAST; i >= 0; i--) {
    stride[i] = size, extent[i] = extent_of(c, i);
    c->a_step[i] = c->phase[i].step * size, c->a_tap[i] = c->phase[i].reach * size;
    size *= extent[i];
  }
  for (int64_t n = 0; n < extent[0]; n++)
    for (int64_t d = 0; d < extent[1]; d++)
      for (int64_t h = 0; h < extent[2]; h++, to += stride[2] * c->plan->unit) {
        at[0] = start_of(c, 0) + n, at[1] = start_of(c, 1) + d, at[2] = start_of(c, 2) + h;
        copy_row(c, to, pitch, at, start_of(c, LAST), 1, extent[LAST]);
      }
}

/* The patch of output i[]. */
static void copy_patch(const piece *c, char *to, const int64_t *i) {
  int64_t pitch = pitch_of(c), start[DIMS], at[DIMS];
  for (int k = 0; k < DIMS; k++) start[k] = start_of(c, k) + i[k] * c->phase[k].step;
  for (int64_t n = 0; n < c->phase[0].taps; n++)
    for (int64_t d = 0; d < c->phase[1].taps; d++)
      for (int64_t h = 0; h < c->phase[2].taps; h++, to += c->a_tap[2] * c->plan->unit) {
        at[0] = start[0] + n * c->phase[0].reach, at[1] = start[1] + d * c->phase[1].reach;
        at[2] = start[2] + h * c->phase[2].reach;
        copy_row(c, to, pitch, at, start[LAST], c->phase[LAST].reach, c->phase[LAST].taps);
      }
}

static void copy_patches(piece *c) {
  int64_t size = pitch_of(c), i[DIMS];
  char *to = c->copy;
  for (int k = LAST; k >= 0; k--) {
    c->a_tap[k] = size;
    size *= c->phase[k].taps;
  }
  int64_t patch = size;
  for (int k = LAST; k >= 0; k--) {
    c->a_step[k] = size;
    size *= c->count[k];
  }
  for (i[0] = 0; i[0] < c->count[0]; i[0]++)
    for (i[1] = 0; i[1] < c->count[1]; i[1]++)
      for (i[2] = 0; i[2] < c->count[2]; i[2]++)
        for (i[3] = 0; i[3] < c->count[3]; i[3]++, to += patch * c->plan->unit) copy_patch(c, to, i);
}

static void copy_input(piece *c) {
  if (c->plan->patches)
    copy_patches(c);
  else
    copy_region(c);
}

/* --- runs --- */

typedef struct taps {
  int64_t first[DIMS], end[DIMS];
} taps;

static void all_taps(taps *out, const piece *c) {
  for (int i = 0; i < DIMS; i++) out->first[i] = 0, out->end[i] = c->phase[i].taps;
}

/* Terms of the taps along the last axis at one place of the others, joined to `run` or following it where they follow
 * each other in both operands; returns the last run. */
static hr_conv_run *last_taps(const piece *c, const taps *t, hr_conv_run *run, bool first, int64_t a, int64_t b) {
  const hr_conv_plan *p = c->plan;
  int64_t channels = p->group_in, count = t->end[LAST] - t->first[LAST], length = channels;
  bool joined = !p->depthwise && !p->lanewise;
  int64_t a_tap = c->a_tap[LAST], b_tap = c->phase[LAST].tap_step * channels;
  if (joined && a_tap == channels && b_tap == channels) length *= count, count = 1;
  a += t->first[LAST] * a_tap, b += (c->phase[LAST].first_tap + t->first[LAST] * c->phase[LAST].tap_step) * channels;
  for (int64_t i = 0; i < count; i++, a += a_tap, b += b_tap) {
    if (joined && !first && run->a + run->length == a && run->b + run->length == b) {
      run->length += length;
      continue;
    }
    if (!first) run++;
    first = false;
    *run = (hr_conv_run){a, b, length};
  }
  return run;
}

/* Terms of these taps; returns how many runs. */
static int64_t runs_set(const piece *c, const taps *t) {
  const hr_conv_plan *p = c->plan;
  int64_t channels = p->group_in, i[LAST];
  hr_conv_run *run = c->runs;
  for (int k = 0; k < DIMS; k++)
    if (t->first[k] >= t->end[k]) return 0;
  for (i[0] = t->first[0]; i[0] < t->end[0]; i[0]++)
    for (i[1] = t->first[1]; i[1] < t->end[1]; i[1]++)
      for (i[2] = t->first[2]; i[2] < t->end[2]; i[2]++) {
        bool first = i[0] == t->first[0] && i[1] == t->first[1] && i[2] == t->first[2];
        int64_t a = 0, b = 0;
        for (int k = 0; k < LAST; k++) {
          a += i[k] * c->a_tap[k];
          b += (c->phase[k].first_tap + i[k] * c->phase[k].tap_step) * p->axis[k].panel * channels;
        }
        run = last_taps(c, t, run, first, a, b);
      }
  return run - c->runs + 1;
}

/* Cuts runs behind at most `depth` terms; returns how many runs stand before the cut, of which the last may be cut
 * off: its rest is put behind them, where room is left. */
static int64_t step_end(hr_conv_run *runs, int64_t count, int64_t depth, hr_conv_run *rest) {
  int64_t i = 0;
  rest->length = 0;
  for (; i < count && runs[i].length <= depth; i++) depth -= runs[i].length;
  if (i == count || depth == 0) return i;
  *rest = (hr_conv_run){runs[i].a + depth, runs[i].b + depth, runs[i].length - depth};
  runs[i].length = depth;
  return i + 1;
}

/* --- tiles --- */

static void tile_run(const hr_conv_plan *p, const hr_conv_tile *t) {
  if (p->depthwise)
    p->kernels->tile_channels(t);
  else if (p->lanewise)
    p->kernels->tile_groups(t);
  else
    p->kernels->tile(t);
}

static hr_conv_tile tile_of(const hr_conv_plan *p, const hr_conv_run *runs, int64_t run_count) {
  return (hr_conv_tile){.runs = runs,
                        .run_count = run_count,
                        .halves = 1,
                        .lanes = p->lanes,
                        .group_in = (int)p->group_in,
                        .group_out = (int)p->group_out};
}

/* A row of outputs along the inner axis (two rows: halves 2) by panels [first, end). */
static void row_tiles(const piece *c, hr_conv_tile *t, const char *a, char *out, int64_t first, int64_t end) {
  const hr_conv_plan *p = c->plan;
  int64_t left = c->count[p->inner], most = p->kernels->rows / t->halves, parts = hr_conv_ceil(left, most);
  bool fetch = c->a != c->copy && t->run_count == 1 && t->row <= t->runs->length;
  for (; left > 0; parts--) {
    t->rows = (int)hr_conv_ceil(left, parts);
    for (int64_t panel = first; panel < end; panel++) {
      int64_t column = column_of(p, panel), set = panel / p->set_panels * p->set_in;
      t->columns = (int)(column_end(p, panel) - column);
      t->a = a + (set - c->channel) * p->unit, t->c = out + (column - c->column) * p->unit;
      t->b = p->panel_data + panel * p->terms * p->kernels->columns * p->unit;
      t->next = fetch && panel == first ? (const char *)t->a + t->rows * t->row * p->unit : t->a;
      tile_run(p, t);
    }
    a += t->rows * t->row * p->unit, out += t->rows * t->ldc * p->unit;
    left -= t->rows;
  }
}

/* The axes other than the inner one; the last of them is that of the halves. */
static void outer_axes(int axes[LAST], const hr_conv_plan *p) {
  int count = 0;
  for (int i = 0; i < DIMS; i++)
    if (i != p->inner && i != p->second) axes[count++] = i;
  axes[count] = p->second;
}

/* Every output by panels [first, end). */
static void all_rows(const piece *c, hr_conv_tile *t, int64_t first, int64_t end) {
  const hr_conv_plan *p = c->plan;
  bool pairs = !p->depthwise && !p->lanewise && 2 * c->count[p->inner] <= p->kernels->rows;
  int axes[LAST];
  outer_axes(axes, p);
  for (int64_t i = 0; i < c->count[axes[0]]; i++)
    for (int64_t j = 0; j < c->count[axes[1]]; j++)
      for (int64_t k = 0; k < c->count[axes[2]]; k += t->halves) {
        t->halves = pairs && k + 1 < c->count[axes[2]] ? 2 : 1;
        int64_t a = i * c->a_step[axes[0]] + j * c->a_step[axes[1]] + k * c->a_step[axes[2]];
        int64_t out = i * c->c_step[axes[0]] + j * c->c_step[axes[1]] + k * c->c_step[axes[2]];
        row_tiles(c, t, c->a + a * p->unit, c->c + out * p->unit, first, end);
      }
}

/* Everything, by the terms of `runs`. */
static void step_tiles(const piece *c, const hr_conv_run *runs, int64_t run_count, bool add) {
  const hr_conv_plan *p = c->plan;
  hr_conv_tile t = tile_of(p, runs, run_count);
  t.add = add;
  t.row = c->a_step[p->inner], t.ldc = c->c_step[p->inner];
  t.half = c->a_step[p->second], t.half_c = c->c_step[p->second];
  for (int64_t panel = c->panel; panel < c->panel_end; panel += p->cached_panels)
    all_rows(c, &t, panel, hr_conv_min(panel + p->cached_panels, c->panel_end));
}

/* Step by step: each takes in at most `depth` terms. */
static void all_tiles(const piece *c, int64_t run_count) {
  hr_conv_run *runs = c->runs, rest;
  bool channels = c->plan->depthwise || c->plan->lanewise;
  int64_t depth = channels ? INT64_MAX : c->plan->depth;
  bool add = false;
  do {
    int64_t end = step_end(runs, run_count, depth, &rest);
    step_tiles(c, runs, end, add);
    runs += end, run_count -= end, add = true;
    if (rest.length > 0) *--runs = rest, run_count++; /* the slot of the part that is done */
  } while (run_count > 0);
}

/* --- channels of their own, in place: taps that meet padding are left out --- */

/* Taps of axis i that output `index` of the piece meets the input with. */
static void taps_inside(taps *t, const piece *c, int i, int64_t index) {
  const hr_conv_phase *phase = &c->phase[i];
  int64_t place = start_of(c, i) + index * phase->step, length = c->plan->axis[i].length;
  t->first[i] = place < 0 ? hr_conv_min(hr_conv_ceil(-place, phase->reach), phase->taps) : 0;
  t->end[i] = place < length ? hr_conv_min((length - 1 - place) / phase->reach + 1, phase->taps) : t->first[i];
}

/* The end of the outputs from `index` on along axis i that meet the input with the same taps, which t gets. */
static int64_t same_taps(taps *t, const piece *c, int i, int64_t index) {
  taps next;
  taps_inside(t, c, i, index);
  for (index++; index < c->count[i]; index++) {
    taps_inside(&next, c, i, index);
    if (next.first[i] != t->first[i] || next.end[i] != t->end[i]) break;
  }
  return index;
}

/* Outputs of the same taps: `length` of them along axis `along` in each of `count` rows along axis `across`. A panel's
 * input stays in L1 while it is met again by the next rows. */
static void channels_block(const piece *c, const taps *t, int64_t a, int64_t out, int along, int64_t length, int across,
                           int64_t count) {
  const hr_conv_plan *p = c->plan;
  hr_conv_tile tile = tile_of(p, c->runs, runs_set(c, t));
  tile.rows = (int)length;
  tile.row = c->a_step[along], tile.ldc = c->c_step[along], tile.ahead = c->a_step[across];
  for (int64_t panel = c->panel; panel < c->panel_end; panel++) {
    int64_t column = (panel - c->panel) * p->set_out, channel = (panel - c->panel) * p->set_in;
    tile.columns = (int)(column_end(p, panel) - column_of(p, panel));
    tile.b = p->panel_data + panel * p->terms * p->kernels->columns * p->unit;
    for (int64_t i = 0; i < count; i++) {
      int64_t from = a + i * c->a_step[across] + channel, to = out + i * c->c_step[across] + column;
      tile.a = (const char *)((uintptr_t)c->a + (uintptr_t)(from * p->unit)), tile.c = c->c + to * p->unit;
      tile_run(p, &tile);
    }
  }
}

/* One place of the outer axes; a and out are offsets. */
static void channels_plane(const piece *c, taps *t, int64_t a, int64_t out) {
  int inner = c->plan->inner, second = c->plan->second;
  for (int64_t y = 0, height; y < c->count[second]; y += height) {
    height = same_taps(t, c, second, y) - y;
    for (int64_t x = 0, width; x < c->count[inner]; x += width) {
      width = hr_conv_min(same_taps(t, c, inner, x) - x, CHANNEL_BLOCK);
      int64_t from = a + y * c->a_step[second] + x * c->a_step[inner];
      int64_t to = out + y * c->c_step[second] + x * c->c_step[inner];
      if (width < CHANNEL_LEAST && height > width)
        channels_block(c, t, from, to, second, height, inner, width);
      else
        channels_block(c, t, from, to, inner, width, second, height);
    }
  }
}

static void channels_in_place(const piece *c) {
  taps t;
  int axes[LAST];
  outer_axes(axes, c->plan);
  for (int64_t i = 0; i < c->count[axes[0]]; i++)
    for (int64_t j = 0; j < c->count[axes[1]]; j++) {
      taps_inside(&t, c, axes[0], i), taps_inside(&t, c, axes[1], j);
      channels_plane(c, &t, i * c->a_step[axes[0]] + j * c->a_step[axes[1]],
                     i * c->c_step[axes[0]] + j * c->c_step[axes[1]]);
    }
}

/* --- half types: the chunk's sums are kept in float until they are complete --- */

static void sums_begin(piece *c) {
  int64_t size = c->columns;
  c->store = c->c;
  memcpy(c->store_step, c->c_step, sizeof c->c_step);
  c->c = c->sums;
  for (int i = LAST; i >= 0; i--) {
    c->c_step[i] = size;
    size *= c->count[i];
  }
}

static void sums_store(const piece *c) {
  const hr_conv_plan *p = c->plan;
  const char *from = c->sums;
  const int64_t *step = c->store_step;
  for (int64_t n = 0; n < c->count[0]; n++)
    for (int64_t d = 0; d < c->count[1]; d++)
      for (int64_t h = 0; h < c->count[2]; h++, from += c->c_step[2] * p->unit)
        p->copy->store(c->store + (n * step[0] + d * step[1] + h * step[2]) * p->item, step[LAST], from, c->columns,
                       c->count[LAST], c->columns);
}

/* --- */

/* The next part of the scratch memory, of `elements` sums. */
static char *reserve(char **at, int64_t bytes) {
  char *now = *at;
  *at += (bytes + HR_DATA_ALIGN - 1) / HR_DATA_ALIGN * HR_DATA_ALIGN;
  return now;
}

void hr_conv_chunk(const hr_conv_plan *p, int64_t chunk, void *scratch) {
  piece c = {.plan = p};
  char *at = scratch;
  int64_t runs = 0;
  taps t;
  if (!piece_find(&c, chunk)) return;
  c.runs = (hr_conv_run *)(void *)reserve(&at, p->most_runs * (int64_t)sizeof(hr_conv_run));
  c.a = c.copy = reserve(&at, p->copy_size * p->unit);
  c.sums = reserve(&at, p->sums_size * p->unit);
  if (p->copy->store) sums_begin(&c);
  bool some = has_taps(&c), channels = p->depthwise || p->lanewise;
  bool in_place = some && p->in_place && (channels || inside(&c));
  if (in_place)
    read_in_place(&c);
  else if (some)
    copy_input(&c);
  if (in_place && channels) {
    channels_in_place(&c);
  } else {
    all_taps(&t, &c);
    if (some) runs = runs_set(&c, &t);
    all_tiles(&c, runs);
  }
  if (p->copy->store) sums_store(&c);
}
