/* Tiles of a chunk of a convolution; see conv_piece.h. The outputs are cut into boxes, each of which meets the input
 * with the same taps: the inside of an image, its edges, its corners. */
#include "cpu/conv_piece.h"

enum { DIMS = HR_CONV_DIMS, LAST = HR_CONV_DIMS - 1 };
/* Rows of a dense tile that are a multiple of ALIAS_BYTES apart share a set of L1: no more than ALIAS_ROWS. */
enum { ALIAS_BYTES = 4096, ALIAS_ROWS = 10 };
/* Groups side by side: outputs along a row, whose input by all channels should stay in L1 meanwhile, but LEAST; shorter
 * rows are turned where that makes them longer. */
enum { CHANNEL_BYTES = 24 << 10, CHANNEL_LEAST = 8 };
/* Dense tiles of fewer rows than SHORT take as long as that. Beyond MANY_TAPS along an axis edges are not looked at. */
enum { SHORT = 6, MANY_TAPS = 16 };

typedef struct box {
  int64_t first[DIMS], count[DIMS]; /* outputs of the piece */
  int64_t tap[DIMS], tap_end[DIMS]; /* taps that they meet the input with */
  int64_t panel, panel_end;
  hr_conv_panel first_panel;
} box;

/* --- runs --- */

/* Terms of the taps along the last axis at one place of the others, joined to `run` or following it where they follow
 * each other in both operands; returns the last run. */
static hr_conv_run *last_taps(const hr_conv_piece *c, const box *b, hr_conv_run *run, bool first, int64_t at_a,
                              int64_t at_b) {
  const hr_conv_plan *p = c->plan;
  int64_t channels = p->tap_terms, count = b->tap_end[LAST] - b->tap[LAST], length = channels;
  bool joined = !p->depthwise && !p->lanewise;
  int64_t a_tap = c->a_tap[LAST], b_tap = c->phase[LAST].tap_step * channels;
  if (joined && a_tap == channels && b_tap == channels) length *= count, count = 1;
  at_a += b->tap[LAST] * a_tap;
  at_b += (c->phase[LAST].first_tap + b->tap[LAST] * c->phase[LAST].tap_step) * channels;
  for (int64_t i = 0; i < count; i++, at_a += a_tap, at_b += b_tap) {
    if (joined && !first && run->a + run->length == at_a && run->b + run->length == at_b) {
      run->length += length;
      continue;
    }
    if (!first) run++;
    first = false;
    *run = (hr_conv_run){at_a, at_b, length};
  }
  return run;
}

/* Terms of the box's taps; returns how many runs. */
static int64_t runs_set(const hr_conv_piece *c, const box *b) {
  const hr_conv_plan *p = c->plan;
  int64_t channels = p->tap_terms, i[LAST];
  hr_conv_run *run = c->runs;
  bool first = true;
  for (int k = 0; k < DIMS; k++)
    if (b->tap[k] >= b->tap_end[k]) return 0;
  if (channels == 0) return 0;
  for (i[0] = b->tap[0]; i[0] < b->tap_end[0]; i[0]++)
    for (i[1] = b->tap[1]; i[1] < b->tap_end[1]; i[1]++)
      for (i[2] = b->tap[2]; i[2] < b->tap_end[2]; i[2]++) {
        int64_t at_a = 0, at_b = 0;
        for (int k = 0; k < LAST; k++) {
          at_a += i[k] * c->a_tap[k];
          at_b += (c->phase[k].first_tap + i[k] * c->phase[k].tap_step) * p->axis[k].panel * channels;
        }
        run = last_taps(c, b, run, first, at_a, at_b);
        first = false;
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

/* --- where rows of tiles lie --- */

typedef struct lie {
  int inner, second, halves; /* axes of a tile's rows, and of its halves */
  int outer[2];              /* the other axes */
  int64_t most;              /* rows of a half */
  double filled;             /* rows of a tile, on average */
} lie;

static void lie_outer(lie *l) {
  int count = 0;
  for (int i = 0; i < DIMS; i++)
    if (i != l->inner && i != l->second) l->outer[count++] = i;
}

/* The axis other than `inner` with most outputs, the last of them. */
static int second_of(const box *b, int inner) {
  int second = inner == LAST ? LAST - 1 : LAST;
  for (int i = LAST; i >= 0; i--)
    if (i != inner && b->count[i] > b->count[second]) second = i;
  return second;
}

/* Rows along the last axis, unless tiles along another one are fuller by a quarter. */
static lie lie_of(const hr_conv_piece *c, const box *b) {
  const hr_conv_plan *p = c->plan;
  lie l = {.filled = 0};
  for (int i = LAST; i >= 0; i--) {
    bool aliased = p->kernels->block == 1 && c->a_step[i] * p->unit % ALIAS_BYTES == 0 && b->count[i] > 1;
    int64_t rows = aliased ? hr_conv_min(ALIAS_ROWS, p->kernels->rows) : p->kernels->rows;
    int second = second_of(b, i), halves = b->count[second] > 1 && 2 * b->count[i] <= rows ? 2 : 1;
    double filled = (double)(halves * b->count[i]) / (double)hr_conv_ceil(b->count[i], rows / halves);
    if (filled <= 1.25 * l.filled) continue;
    l = (lie){.inner = i, .second = second, .halves = halves, .most = rows / halves, .filled = filled};
  }
  lie_outer(&l);
  return l;
}

/* --- dense tiles --- */

static hr_conv_tile tile_of(const hr_conv_plan *p, const hr_conv_run *runs, int64_t run_count) {
  return (hr_conv_tile){.runs = runs,
                        .run_count = run_count,
                        .halves = 1,
                        .lanes = p->lanes,
                        .group_in = (int)p->group_in,
                        .group_out = (int)p->group_out};
}

/* Addresses of places that are not read may be out of bounds. */
static const char *from(const hr_conv_piece *c, int64_t offset) {
  return (const char *)((uintptr_t)c->a + (uintptr_t)(offset * c->plan->part));
}

/* A row of outputs along the inner axis (two rows: halves 2) by the box's panels; a and out are offsets. */
static void row_tiles(const hr_conv_piece *c, const box *b, const lie *l, hr_conv_tile *t, int64_t a, int64_t out) {
  const hr_conv_plan *p = c->plan;
  int64_t left = b->count[l->inner], size = hr_conv_panel_size(p);
  bool fetch = c->in_place && t->run_count == 1 && t->row <= t->runs->length;
  for (int64_t parts = hr_conv_ceil(left, l->most); left > 0; parts--) {
    hr_conv_panel panel = b->first_panel;
    t->rows = (int)hr_conv_ceil(left, parts);
    t->b = c->panels + (b->panel - c->panel) * size;
    for (int64_t i = b->panel; i < b->panel_end; i++, hr_conv_panel_next(p, &panel)) {
      t->columns = (int)(panel.column_end - panel.column);
      t->a = from(c, a + panel.set * p->set_in - c->channel), t->c = c->c + (out + panel.column - c->column) * p->unit;
      t->next = fetch && i == b->panel ? (const char *)t->a + t->rows * t->row * p->part : t->a;
      p->kernels->tile(t);
      t->b = (const char *)t->b + size;
    }
    a += t->rows * t->row, out += t->rows * t->ldc;
    left -= t->rows;
  }
}

/* Everything, by the terms of `t`. */
static void step_tiles(const hr_conv_piece *c, const box *b, const lie *l, hr_conv_tile *t) {
  int64_t a = 0, out = 0;
  int second = l->second, outer = l->outer[0], middle = l->outer[1];
  for (int i = 0; i < DIMS; i++) a += b->first[i] * c->a_step[i], out += b->first[i] * c->c_step[i];
  for (int64_t i = 0; i < b->count[outer]; i++)
    for (int64_t j = 0; j < b->count[middle]; j++)
      for (int64_t k = 0; k < b->count[second]; k += t->halves) {
        t->halves = k + 1 < b->count[second] ? l->halves : 1;
        row_tiles(c, b, l, t, a + i * c->a_step[outer] + j * c->a_step[middle] + k * c->a_step[second],
                  out + i * c->c_step[outer] + j * c->c_step[middle] + k * c->c_step[second]);
      }
}

/* Step by step: each takes in at most `depth` terms. */
static void dense_box(const hr_conv_piece *c, const box *b, void *ctx) {
  (void)ctx;
  lie l = lie_of(c, b);
  hr_conv_run *runs = c->runs, rest;
  int rows_set = 0;
  hr_conv_tile t = tile_of(c->plan, NULL, 0);
  t.rows_set = &rows_set;
  t.row = c->a_step[l.inner], t.ldc = c->c_step[l.inner];
  t.half = c->a_step[l.second], t.half_c = c->c_step[l.second];
  int64_t run_count = runs_set(c, b);
  do {
    int64_t end = step_end(runs, run_count, c->plan->depth, &rest);
    t.runs = runs, t.run_count = end;
    step_tiles(c, b, &l, &t);
    runs += end, run_count -= end, t.add = true;
    if (rest.length > 0) *--runs = rest, run_count++; /* the slot of the part that is done */
  } while (run_count > 0);
}

/* --- groups side by side --- */

/* `length` outputs in a row along axis `along`, by all panels: memory is walked in order. */
static void channels_row(const hr_conv_piece *c, const box *b, hr_conv_tile *t, int64_t a, int64_t out,
                         int64_t length) {
  const hr_conv_plan *p = c->plan;
  hr_conv_panel panel = b->first_panel;
  t->rows = (int)length, t->b = c->panels;
  for (int64_t i = b->panel; i < b->panel_end; i++, hr_conv_panel_next(p, &panel)) {
    t->columns = (int)(panel.column_end - panel.column);
    t->a = from(c, a + panel.set * p->set_in - c->channel), t->c = c->c + (out + panel.column - c->column) * p->unit;
    if (p->depthwise)
      p->kernels->tile_channels(t);
    else
      p->kernels->tile_groups(t);
    t->b = (const char *)t->b + hr_conv_panel_size(p);
  }
}

static void channels_box(const hr_conv_piece *c, const box *b, void *ctx) {
  (void)ctx;
  int along = c->plan->inner, across = c->plan->second;
  if (b->count[along] < CHANNEL_LEAST && b->count[across] > b->count[along])
    along = c->plan->second, across = c->plan->inner;
  lie l = {.inner = along, .second = across};
  hr_conv_tile t = tile_of(c->plan, c->runs, runs_set(c, b));
  int64_t a = 0, out = 0, bytes = c->channels * c->plan->unit * (b->tap_end[across] - b->tap[across]);
  int64_t block = bytes > 0 ? CHANNEL_BYTES / bytes / CHANNEL_LEAST * CHANNEL_LEAST : INT32_MAX;
  if (block < CHANNEL_LEAST) block = CHANNEL_LEAST;
  lie_outer(&l);
  t.row = c->a_step[along], t.ldc = c->c_step[along], t.ahead = c->a_step[across];
  for (int i = 0; i < DIMS; i++) a += b->first[i] * c->a_step[i], out += b->first[i] * c->c_step[i];
  for (int64_t i = 0; i < b->count[l.outer[0]]; i++)
    for (int64_t j = 0; j < b->count[l.outer[1]]; j++)
      for (int64_t y = 0; y < b->count[across]; y++)
        for (int64_t x = 0; x < b->count[along]; x += block)
          channels_row(c, b, &t,
                       a + i * c->a_step[l.outer[0]] + j * c->a_step[l.outer[1]] + y * c->a_step[across] + x * t.row,
                       out + i * c->c_step[l.outer[0]] + j * c->c_step[l.outer[1]] + y * c->c_step[across] + x * t.ldc,
                       hr_conv_min(block, b->count[along] - x));
}

/* --- boxes --- */

/* Taps of axis i that output `index` of the piece meets the input with. */
static void taps_inside(const hr_conv_piece *c, int i, int64_t index, int64_t *first, int64_t *end) {
  const hr_conv_phase *phase = &c->phase[i];
  int64_t place = hr_conv_start(c, i) + index * phase->step, length = c->plan->axis[i].length;
  *first = place < 0 ? hr_conv_min(hr_conv_ceil(-place, phase->reach), phase->taps) : 0;
  *end = place < length ? hr_conv_min((length - 1 - place) / phase->reach + 1, phase->taps) : *first;
}

/* One past the last output, from `index` on, that meets the input with all taps of axis i; `index` if it does not. */
static int64_t inside_end(const hr_conv_piece *c, int i, int64_t index) {
  const hr_conv_phase *phase = &c->phase[i];
  int64_t place = hr_conv_start(c, i) + index * phase->step;
  int64_t room = c->plan->axis[i].length - 1 - (phase->taps - 1) * phase->reach - place;
  return place < 0 || room < 0 ? index : hr_conv_min(index + room / phase->step + 1, c->count[i]);
}

/* The outputs from b->first[i] on along axis i that meet the input with the same taps. */
static void same_taps(box *b, const hr_conv_piece *c, int i) {
  int64_t end = c->count[i], tap, tap_end;
  b->tap[i] = 0, b->tap_end[i] = c->phase[i].taps;
  if (c->skips) end = inside_end(c, i, b->first[i]);
  if (end == b->first[i]) {
    taps_inside(c, i, end, &b->tap[i], &b->tap_end[i]);
    for (end++; end < c->count[i]; end++) {
      taps_inside(c, i, end, &tap, &tap_end);
      if (tap != b->tap[i] || tap_end != b->tap_end[i]) break;
    }
  }
  b->count[i] = end - b->first[i];
}

/* fn for all boxes with the outputs of b along the axes before axis i. */
static void boxes(const hr_conv_piece *c, box *b, int i, void (*fn)(const hr_conv_piece *, const box *, void *),
                  void *ctx) {
  if (i == DIMS) {
    fn(c, b, ctx);
    return;
  }
  for (b->first[i] = 0; b->first[i] < c->count[i]; b->first[i] += b->count[i]) {
    same_taps(b, c, i);
    boxes(c, b, i + 1, fn, ctx);
  }
}

void hr_conv_tiles(const hr_conv_piece *c) {
  box b;
  bool channels = c->plan->depthwise || c->plan->lanewise;
  int64_t most = channels ? INT64_MAX / 2 : c->plan->cached_panels;
  for (b.panel = c->panel; b.panel < c->panel_end; b.panel = b.panel_end) {
    b.panel_end = hr_conv_min(b.panel + most, c->panel_end);
    b.first_panel = hr_conv_panel_at(c->plan, b.panel);
    boxes(c, &b, 0, channels ? channels_box : dense_box, NULL);
  }
}

/* Of a box's tiles, in rows by taps. */
static void add_time(const hr_conv_piece *c, const box *b, void *sum) {
  double filled = lie_of(c, b).filled, rows = 1;
  for (int i = 0; i < DIMS; i++) rows *= (double)(b->count[i] * (b->tap_end[i] - b->tap[i]));
  *(double *)sum += filled < SHORT ? rows * SHORT / filled : rows;
}

bool hr_conv_skips_pay(const hr_conv_plan *p) {
  hr_conv_piece c = {.plan = p};
  double without = 0, with = 0;
  box b;
  for (int i = 0; i < DIMS; i++) {
    hr_conv_phase_init(&c.phase[i], &p->axis[i], 0);
    if (c.phase[i].taps > MANY_TAPS) return false;
    c.count[i] = c.phase[i].outputs;
    c.a_step[i] = c.phase[i].step * p->axis[i].in;
  }
  boxes(&c, &b, 0, add_time, &with);
  c.skips = true;
  boxes(&c, &b, 0, add_time, &without);
  return without <= with;
}
