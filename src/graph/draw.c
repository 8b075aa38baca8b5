#include "graph/draw.h"

#include "base/memory.h"
#include "graph/eval.h"

#define NOTHING SIZE_MAX /* the number of no item and no step */

/* An array of the drawing. */
typedef struct item {
  hr_array *array; /* one reference: it keeps the node's address from being another's */
  size_t step;     /* that makes it, or NOTHING */
  size_t next;     /* item of the same step */
  bool used;       /* as an input */
} item;

typedef struct step {
  const hr_op *op;
  hr_array_list in;   /* references */
  size_t cursor;      /* inputs looked at */
  size_t below;       /* step on the walk's stack that this one stands on */
  size_t next;        /* step of the drawing after this one */
  size_t first, last; /* items that it makes */
} step;

typedef struct drawing {
  hr_numbering arrays, nodes; /* their numbers are those of items and steps */
  item *items;
  step *steps;
  size_t item_capacity, step_capacity;
  size_t top;         /* of the walk's stack */
  size_t first, last; /* steps in the order in which they can run */
} drawing;

/* --- finding out --- */

/* Makes room for one more. */
static hr_status reserve(void **block, size_t count, size_t *capacity, size_t bytes) {
  if (count < *capacity) return HR_OK;
  size_t wanted = 2 * count + 16;
  void *grown = hr_realloc(*block, wanted * bytes);
  if (!grown) return hr_fail(HR_OUT_OF_MEMORY, "no memory for a drawing of %zu arrays", count);
  *block = grown;
  *capacity = wanted;
  return HR_OK;
}

static void list_drop(hr_array_list *list) {
  for (size_t i = 0; i < list->count; i++) hr_array_release(list->items[i]);
  hr_free(list->items);
}

/* The step of the array's node, made and put on the stack when it is met first. */
static hr_status find_step(drawing *d, item *it) {
  const hr_op *op;
  hr_array_list in;
  size_t number;
  bool is_new;
  hr_status status = hr_array_origin(&op, &in, it->array);
  if (status != HR_OK || !op) return status;
  HR_TRY(reserve((void **)&d->steps, d->nodes.count, &d->step_capacity, sizeof *d->steps));
  HR_TRY(hr_numbering_add(&number, &is_new, &d->nodes, it->array->node));
  step *s = &d->steps[number];
  if (is_new) {
    *s = (step){.op = op, .in = in, .below = d->top, .next = NOTHING, .first = NOTHING, .last = NOTHING};
    in = (hr_array_list){0};
    d->top = number;
  }
  size_t own = (size_t)(it - d->items);
  *(s->first == NOTHING ? &s->first : &d->items[s->last].next) = own;
  s->last = own;
  it->step = number;
done:
  list_drop(&in);
  return status;
}

static hr_status visit(drawing *d, hr_array *array, bool as_input) {
  size_t number;
  bool is_new;
  hr_status status = reserve((void **)&d->items, d->arrays.count, &d->item_capacity, sizeof *d->items);
  if (status == HR_OK) status = hr_numbering_add(&number, &is_new, &d->arrays, array);
  if (status != HR_OK) return status;
  item *it = &d->items[number];
  if (is_new) {
    *it = (item){.array = hr_array_retain(array), .step = NOTHING, .next = NOTHING};
    status = find_step(d, it);
  }
  it->used |= as_input;
  return status;
}

/* The step on top of the stack looks at its next input, or joins the drawing. */
static hr_status advance(drawing *d) {
  step *s = &d->steps[d->top];
  if (s->cursor < s->in.count) return visit(d, s->in.items[s->cursor++], true);
  *(d->last == NOTHING ? &d->first : &d->steps[d->last].next) = d->top;
  d->last = d->top;
  d->top = s->below;
  return HR_OK;
}

static hr_status explore(drawing *d, const hr_array_list *outputs) {
  hr_status status = HR_OK;
  *d = (drawing){.top = NOTHING, .first = NOTHING, .last = NOTHING};
  for (size_t i = 0; i < outputs->count && status == HR_OK; i++) {
    status = visit(d, outputs->items[i], false);
    while (d->top != NOTHING && status == HR_OK) status = advance(d);
  }
  return status;
}

static void drawing_deinit(drawing *d) {
  for (size_t i = 0; i < d->arrays.count; i++) hr_array_release(d->items[i].array);
  for (size_t i = 0; i < d->nodes.count; i++) list_drop(&d->steps[i].in);
  hr_free(d->items);
  hr_free(d->steps);
  hr_numbering_deinit(&d->arrays);
  hr_numbering_deinit(&d->nodes);
}

/* --- writing --- */

static hr_status file_status(FILE *file) {
  return fflush(file) || ferror(file) ? hr_fail(HR_IO, "the drawing cannot be written") : HR_OK;
}

/* A name of the DOT language, which may have anything in it. */
static hr_status write_quoted(FILE *file, hr_namer *namer, hr_array *array) {
  const char *name;
  hr_status status = hr_namer_get(&name, namer, array);
  if (status != HR_OK) return status;
  fputc('"', file);
  for (; *name; name++) {
    if (*name == '"' || *name == '\\') fputc('\\', file);
    fputc(*name, file);
  }
  fputc('"', file);
  return HR_OK;
}

static hr_status write_array(FILE *file, hr_namer *namer, const item *it, const char *rank) {
  fprintf(file, "{ %s", rank);
  hr_status status = write_quoted(file, namer, it->array);
  fputs("; }\n", file);
  return status;
}

static hr_status write_box(FILE *file, hr_namer *namer, const drawing *d, size_t number) {
  const step *s = &d->steps[number];
  hr_status status = HR_OK;
  fprintf(file, "{ \"#%zu\" [label=\"%s\", shape=rectangle]; }\n", number, s->op->name);
  for (size_t i = 0; i < s->in.count; i++) {
    HR_TRY(write_quoted(file, namer, s->in.items[i]));
    fprintf(file, " -> \"#%zu\"\n", number);
  }
  for (size_t i = s->first; i != NOTHING; i = d->items[i].next) {
    HR_TRY(write_array(file, namer, &d->items[i], d->items[i].used ? "" : "rank=sink; "));
    fprintf(file, "\"#%zu\" -> ", number);
    HR_TRY(write_quoted(file, namer, d->items[i].array));
    fputc('\n', file);
  }
done:
  return status;
}

hr_status hr_draw_dot(FILE *file, hr_namer *namer, const hr_array_list *outputs) {
  drawing d;
  hr_status status;
  HR_TRY(explore(&d, outputs));
  fputs("digraph {\n", file);
  for (size_t i = 0; i < d.arrays.count; i++)
    if (d.items[i].step == NOTHING) HR_TRY(write_array(file, namer, &d.items[i], "rank=source; "));
  for (size_t i = d.first; i != NOTHING; i = d.steps[i].next) HR_TRY(write_box(file, namer, &d, i));
  fputs("}\n", file);
  HR_TRY(file_status(file));
done:
  drawing_deinit(&d);
  return status;
}

/* "A  float32(2)" and what follows. */
static hr_status write_made(FILE *file, hr_namer *namer, const item *it, const char *after) {
  char text[HR_ARRAY_TEXT];
  const char *name;
  hr_status status = hr_namer_get(&name, namer, it->array);
  if (status == HR_OK) fprintf(file, "%s  %s%s", name, hr_array_format(text, it->array), after);
  return status;
}

static hr_status write_line(FILE *file, hr_namer *namer, const drawing *d, const step *s) {
  const char *name;
  hr_status status = HR_OK;
  for (size_t i = s->first; i != NOTHING; i = d->items[i].next)
    HR_TRY(write_made(file, namer, &d->items[i], d->items[i].next == NOTHING ? "  " : ", "));
  fprintf(file, "%s(", s->op->name);
  for (size_t i = 0; i < s->in.count; i++) {
    HR_TRY(hr_namer_get(&name, namer, s->in.items[i]));
    fprintf(file, "%s%s", i ? ", " : "", name);
  }
  fputs(")\n", file);
done:
  return status;
}

hr_status hr_draw_steps(FILE *file, hr_namer *namer, const hr_array_list *outputs) {
  drawing d;
  hr_status status;
  HR_TRY(explore(&d, outputs));
  for (size_t i = 0; i < d.arrays.count; i++)
    if (d.items[i].step == NOTHING) HR_TRY(write_made(file, namer, &d.items[i], "\n"));
  for (size_t i = d.first; i != NOTHING; i = d.steps[i].next) HR_TRY(write_line(file, namer, &d, &d.steps[i]));
  HR_TRY(file_status(file));
done:
  drawing_deinit(&d);
  return status;
}
