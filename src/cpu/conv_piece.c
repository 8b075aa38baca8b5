/* Where the outputs and the input of a chunk are; see conv_piece.h. */
#include "cpu/conv_piece.h"

#include <string.h>

enum { DIMS = HR_CONV_DIMS, LAST = HR_CONV_DIMS - 1 };

/* --- which outputs and panels --- */

static int64_t take(int64_t *index, int64_t count) {
  int64_t digit = *index % count;
  *index /= count;
  return digit;
}

static void columns_set(const hr_conv_plan *p, hr_conv_panel *panel) {
  int64_t end = hr_conv_min((panel->set + 1) * p->set_out, p->outputs);
  panel->column = panel->set * p->set_out + panel->in_set * p->kernels->columns;
  panel->column_end = hr_conv_min(panel->column + p->kernels->columns, end);
}

hr_conv_panel hr_conv_panel_at(const hr_conv_plan *p, int64_t index) {
  hr_conv_panel panel = {.set = index / p->set_panels, .in_set = index % p->set_panels};
  columns_set(p, &panel);
  return panel;
}

void hr_conv_panel_next(const hr_conv_plan *p, hr_conv_panel *panel) {
  if (++panel->in_set == p->set_panels) panel->set++, panel->in_set = 0;
  columns_set(p, panel);
}

/* Chunks that follow each other are phases of the same outputs; then, if there are several sets, which are neighbours
 * in memory, panels; then outputs. Panels of a single set change last: they stay in the caches meanwhile. False if
 * the phase has no outputs in this block. */
static bool piece_find(hr_conv_piece *c, int64_t chunk) {
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
  int64_t offset = hr_conv_panel_at(p, c->panel).column;
  c->column = offset, c->columns = hr_conv_panel_at(p, c->panel_end - 1).column_end - offset;
  for (int i = 0; i < DIMS; i++) {
    c->c_step[i] = p->axis[i].phase_step * p->axis[i].out;
    offset += (phase[i] + c->first[i] * p->axis[i].phase_step) * p->axis[i].out;
  }
  c->c = p->out + offset * p->item;
  return c->panel < c->panel_end;
}

static bool has_taps(const hr_conv_piece *c) {
  for (int i = 0; i < DIMS; i++)
    if (c->phase[i].taps == 0) return false;
  return c->plan->terms > 0;
}

/* Places along axis i from the first output's first tap to the last one's last. */
static int64_t extent_of(const hr_conv_piece *c, int i) {
  return (c->count[i] - 1) * c->phase[i].step + (c->phase[i].taps - 1) * c->phase[i].reach + 1;
}

static bool inside(const hr_conv_piece *c) {
  for (int i = 0; i < DIMS; i++)
    if (hr_conv_start(c, i) < 0 || hr_conv_start(c, i) + extent_of(c, i) > c->plan->axis[i].length) return false;
  return true;
}

/* --- where A is --- */

/* The input itself; with padding the pointer may be outside of it, and only taps that are inside may be read. */
static void read_in_place(hr_conv_piece *c) {
  const hr_conv_plan *p = c->plan;
  int64_t offset = c->channel * p->channel_stride;
  for (int i = 0; i < DIMS; i++) {
    offset += hr_conv_start(c, i) * p->axis[i].in;
    c->a_step[i] = c->phase[i].step * p->axis[i].in, c->a_tap[i] = c->phase[i].reach * p->axis[i].in;
  }
  c->a = (const char *)((uintptr_t)p->in + (uintptr_t)(offset * p->item));
}

/* count places along the last axis from `place` on, `apart` from each other, at the places `at` of the others. */
static void copy_row(const hr_conv_piece *c, char *to, int64_t pitch, const int64_t *at, int64_t place, int64_t apart,
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
  memset(to, 0, (size_t)(before * pitch * p->part));
  if (end > before)
    p->copy.load(to + before * pitch * p->part, pitch, p->in + offset * p->item, apart * last->in, p->channel_stride,
                 end - before, c->channels);
  for (int64_t i = before; i < end && pitch > c->channels; i++)
    memset(to + (i * pitch + c->channels) * p->part, 0, (size_t)((pitch - c->channels) * p->part));
  memset(to + end * pitch * p->part, 0, (size_t)((count - end) * pitch * p->part));
}

static int64_t pitch_of(const hr_conv_piece *c) {
  const hr_conv_plan *p = c->plan;
  return hr_conv_ceil(c->channels, p->set_in) * p->set_in;
}

/* The region below the outputs; of it what is inside the input, if taps outside are left out. */
static void copy_region(hr_conv_piece *c) {
  int64_t pitch = pitch_of(c), low[DIMS], extent[DIMS], at[DIMS], size = pitch, offset = 0;
  char *to = c->copy;
  for (int i = LAST; i >= 0; i--) {
    int64_t start = hr_conv_start(c, i), end = start + extent_of(c, i);
    low[i] = c->skips && start < 0 ? 0 : start;
    if (c->skips) end = hr_conv_min(end, c->plan->axis[i].length);
    extent[i] = end > low[i] ? end - low[i] : 0;
    c->a_step[i] = c->phase[i].step * size, c->a_tap[i] = c->phase[i].reach * size;
    offset += (start - low[i]) * size;
    size *= extent[i];
  }
  c->a = (const char *)((uintptr_t)c->copy + (uintptr_t)(offset * c->plan->part));
  int64_t row = extent[LAST] * pitch * c->plan->part;
  for (int64_t n = 0; n < extent[0]; n++)
    for (int64_t d = 0; d < extent[1]; d++)
      for (int64_t h = 0; h < extent[2]; h++, to += row) {
        at[0] = low[0] + n, at[1] = low[1] + d, at[2] = low[2] + h;
        copy_row(c, to, pitch, at, low[LAST], 1, extent[LAST]);
      }
}

/* The patch of output i[]. */
static void copy_patch(const hr_conv_piece *c, char *to, const int64_t *i) {
  int64_t pitch = pitch_of(c), start[DIMS], at[DIMS];
  for (int k = 0; k < DIMS; k++) start[k] = hr_conv_start(c, k) + i[k] * c->phase[k].step;
  for (int64_t n = 0; n < c->phase[0].taps; n++)
    for (int64_t d = 0; d < c->phase[1].taps; d++)
      for (int64_t h = 0; h < c->phase[2].taps; h++, to += c->a_tap[2] * c->plan->part) {
        at[0] = start[0] + n * c->phase[0].reach, at[1] = start[1] + d * c->phase[1].reach;
        at[2] = start[2] + h * c->phase[2].reach;
        copy_row(c, to, pitch, at, start[LAST], c->phase[LAST].reach, c->phase[LAST].taps);
      }
}

static void copy_patches(hr_conv_piece *c) {
  int64_t size = pitch_of(c), i[DIMS];
  char *to = c->copy;
  c->a = to, c->skips = false;
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
        for (i[3] = 0; i[3] < c->count[3]; i[3]++, to += patch * c->plan->part) copy_patch(c, to, i);
}

/* --- half types: the chunk's sums are kept in float until they are complete --- */

static void sums_begin(hr_conv_piece *c) {
  int64_t size = c->plan->kernels->block > 1 ? (c->panel_end - c->panel) * c->plan->kernels->columns : c->columns;
  c->store = c->c;
  memcpy(c->store_step, c->c_step, sizeof c->c_step);
  memcpy(c->store_count, c->count, sizeof c->count);
  c->c = c->sums;
  for (int i = LAST; i >= 0; i--) {
    c->c_step[i] = size;
    size *= c->count[i];
  }
}

/* Rows from the first to the last output's along axes `from` to LAST, where those lie at even distances; else 0. */
static int64_t rows_joined(const hr_conv_piece *c, int from) {
  int64_t rows = 1, step = c->a_step[LAST];
  for (int i = from; i <= LAST; i++) {
    if (c->count[i] > 1 && (step == 0 || c->a_step[i] % step != 0)) return 0;
    if (c->count[i] > 1) rows += (c->count[i] - 1) * (c->a_step[i] / step);
  }
  return rows;
}

/* Tiles take rows at even distances. Where rows of outputs do not fill them, it is less work to go on to the next row
 * of outputs through what lies between; those sums are never stored. */
static void join_rows(hr_conv_piece *c) {
  int64_t rows = c->plan->kernels->rows, half = rows / 2, outer = 1, best, joined = 0, size = c->c_step[LAST];
  int from = LAST;
  for (int i = 0; i < LAST; i++) outer *= c->count[i];
  best = (outer * hr_conv_ceil(c->count[LAST], half) + 1) / 2;
  for (int i = LAST - 1; i >= 0; i--) {
    int64_t length = rows_joined(c, i);
    if (length == 0) break;
    outer /= c->count[i];
    if (outer * hr_conv_ceil(length, rows) < best) best = outer * hr_conv_ceil(length, rows), joined = length, from = i;
  }
  if (from == LAST) return;
  for (int i = from; i < LAST; i++) c->c_step[i] = c->count[i] > 1 ? c->a_step[i] / c->a_step[LAST] * size : 0;
  for (int i = from; i < LAST; i++) c->count[i] = 1;
  c->count[LAST] = joined;
  size *= joined;
  for (int i = from - 1; i >= 0; i--) {
    c->c_step[i] = size;
    size *= c->count[i];
  }
}

static void sums_store(const hr_conv_piece *c) {
  const hr_conv_plan *p = c->plan;
  const int64_t *step = c->store_step, *sum = c->c_step, *count = c->store_count;
  for (int64_t n = 0; n < count[0]; n++)
    for (int64_t d = 0; d < count[1]; d++)
      for (int64_t h = 0; h < count[2]; h++)
        p->copy.store(c->store + (n * step[0] + d * step[1] + h * step[2]) * p->item, step[LAST],
                      c->sums + (n * sum[0] + d * sum[1] + h * sum[2]) * p->unit, sum[LAST], count[LAST], c->columns);
}

/* --- */

/* The next part of the scratch memory, of `elements` sums. */
static char *reserve(char **at, int64_t bytes) {
  char *now = *at;
  *at += (bytes + HR_DATA_ALIGN - 1) / HR_DATA_ALIGN * HR_DATA_ALIGN;
  return now;
}

/* Packed before, or now. */
static const char *panels_of(const hr_conv_piece *c, char **scratch) {
  const hr_conv_plan *p = c->plan;
  if (!p->packs_late) return p->panel_data + c->panel * hr_conv_panel_size(p);
  char *panels = reserve(scratch, (c->panel_end - c->panel) * hr_conv_panel_size(p));
  int64_t rows = hr_conv_pack_rows(p);
  if (p->terms > 0) hr_conv_pack(p, c->panel * rows, c->panel_end * rows, c->panel, panels);
  return panels;
}

void hr_conv_chunk(const hr_conv_plan *p, int64_t chunk, void *scratch) {
  hr_conv_piece c = {.plan = p, .skips = p->skips};
  char *at = scratch;
  if (!piece_find(&c, chunk)) return;
  c.runs = (hr_conv_run *)(void *)reserve(&at, p->most_runs * (int64_t)sizeof(hr_conv_run));
  c.a = c.copy = reserve(&at, p->copy_size * p->part);
  c.sums = reserve(&at, p->sums_size * p->unit);
  c.panels = panels_of(&c, &at);
  if (p->copy.store) sums_begin(&c);
  if (has_taps(&c)) {
    c.in_place = p->in_place && (p->skips || inside(&c));
    if (c.in_place)
      read_in_place(&c);
    else if (p->patches)
      copy_patches(&c);
    else
      copy_region(&c);
    if (p->kernels->block > 1) join_rows(&c);
  }
  hr_conv_tiles(&c);
  if (p->kernels->end) p->kernels->end();
  if (p->copy.store) sums_store(&c);
}
