/* src/ops/einsum_terms.c - see einsum_terms.h. */
#include "ops/einsum_terms.h"

#include <string.h>

#include "base/memory.h"

/* One term: its labels, with a mark where `...` stands. */
typedef struct term {
  uint8_t letters[HR_MAX_NDIM];
  int count, dots; /* dots: letters in front of `...`, or -1 */
} term;

static int letter_label(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  return c >= 'a' && c <= 'z' ? 26 + c - 'a' : -1;
}

static char letter_of(int label) { return (char)(label < 26 ? 'A' + label : 'a' + label - 26); }

static hr_status read_term(term *out, const char *text, const char *end) {
  *out = (term){.dots = -1};
  for (const char *at = text; at < end; at++) {
    if (*at == ' ') continue;
    int label = letter_label(*at);
    if (label >= 0) {
      if (out->count == HR_MAX_NDIM)
        return hr_fail(HR_UNSUPPORTED, "einsum: \"%.*s\": more than %d subscripts", (int)(end - text), text,
                       HR_MAX_NDIM);
      out->letters[out->count++] = (uint8_t)label;
    } else if (out->dots < 0 && end - at >= 3 && !memcmp(at, "...", 3)) {
      out->dots = out->count;
      at += 2;
    } else {
      return hr_fail(HR_INVALID, "einsum: \"%.*s\": '%c' is neither a letter nor part of one \"...\"",
                     (int)(end - text), text, *at);
    }
  }
  return HR_OK;
}

/* Labels of all axes, `dots` of them for `...`; returns how many. */
static int spread(uint8_t *labels, const term *t, int dots) {
  int front = t->dots < 0 ? t->count : t->dots;
  if (t->dots < 0) dots = 0;
  memcpy(labels, t->letters, (size_t)front);
  for (int i = 0; i < dots; i++) labels[front + i] = (uint8_t)(HR_EINSUM_LABELS - dots + i);
  memcpy(labels + front + dots, t->letters + front, (size_t)(t->count - front));
  return t->count + dots;
}

static hr_status note_length(hr_einsum_terms *terms, int index, int axis) {
  const hr_einsum_operand *o = &terms->operands[index];
  int label = o->labels[axis], length = hr_array_shape(o->array)[axis], *known = &terms->lengths[label];
  if (*known < 0 || *known == 1) *known = length;
  if (*known == length || length == 1) return HR_OK;
  if (label >= HR_EINSUM_LETTERS)
    return hr_fail(HR_INVALID, "einsum: axis %d of operand %d has length %d, which was %d before", axis, index, length,
                   *known);
  return hr_fail(HR_INVALID, "einsum: '%c' has length %d in operand %d, which was %d before", letter_of(label), length,
                 index, *known);
}

static hr_status read_operand(hr_einsum_terms *terms, int index, const char *text, const char *end, hr_array *a) {
  hr_einsum_operand *o = &terms->operands[index];
  term t;
  hr_status status = read_term(&t, text, end);
  if (status != HR_OK) return status;
  int dots = a->ndim - t.count;
  if (t.dots < 0 ? dots != 0 : dots < 0)
    return hr_fail(HR_INVALID, "einsum: \"%.*s\" has %d subscripts for operand %d, which has %d axes",
                   (int)(end - text), text, t.count, index, a->ndim);
  o->array = hr_array_retain(a);
  spread(o->labels, &t, dots);
  for (int axis = 0; axis < a->ndim && status == HR_OK; axis++) status = note_length(terms, index, axis);
  return status;
}

static hr_status read_result(hr_einsum_terms *terms, const char *text) {
  term t;
  int dots = 0;
  bool seen[HR_EINSUM_LABELS] = {false};
  hr_status status = read_term(&t, text, text + strlen(text));
  if (status != HR_OK) return status;
  while (dots < HR_MAX_NDIM && terms->lengths[HR_EINSUM_LABELS - 1 - dots] >= 0) dots++;
  if (t.dots >= 0 && t.count + dots > HR_MAX_NDIM)
    return hr_fail(HR_UNSUPPORTED, "einsum: the result would have more than %d axes", HR_MAX_NDIM);
  terms->result_ndim = spread(terms->result, &t, dots);
  for (int i = 0; i < t.count; i++) {
    int label = t.letters[i];
    if (terms->lengths[label] < 0)
      return hr_fail(HR_INVALID, "einsum: '%c' of the result is in no operand", letter_of(label));
    if (seen[label]) return hr_fail(HR_INVALID, "einsum: '%c' is twice in the result", letter_of(label));
    seen[label] = true;
  }
  return HR_OK;
}

/* `...`, then the letters that occur once. */
static hr_status default_result(hr_einsum_terms *terms) {
  int uses[HR_EINSUM_LABELS] = {0};
  for (int i = 0; i < terms->count; i++)
    for (int axis = 0; axis < terms->operands[i].array->ndim; axis++) uses[terms->operands[i].labels[axis]]++;
  for (int k = 0; k < HR_EINSUM_LABELS; k++) {
    int label = (k + HR_EINSUM_LETTERS) % HR_EINSUM_LABELS;
    if (uses[label] == 0 || (label < HR_EINSUM_LETTERS && uses[label] > 1)) continue;
    if (terms->result_ndim == HR_MAX_NDIM)
      return hr_fail(HR_UNSUPPORTED, "einsum: the result would have more than %d axes", HR_MAX_NDIM);
    terms->result[terms->result_ndim++] = (uint8_t)label;
  }
  return HR_OK;
}

static hr_status read_terms(hr_einsum_terms *terms, const char *text, const hr_array_list *operands) {
  const char *arrow = strstr(text, "->"), *end = arrow ? arrow : text + strlen(text);
  int wanted = 1;
  for (const char *at = text; at < end; at++) wanted += *at == ',';
  if (operands->count == 0) return hr_fail(HR_INVALID, "einsum: no operands");
  if ((size_t)wanted != operands->count)
    return hr_fail(HR_INVALID, "einsum: \"%s\" names %d operands, there are %zu", text, wanted, operands->count);
  for (int i = 0; i < terms->count; i++) {
    const char *comma = memchr(text, ',', (size_t)(end - text));
    hr_status status = read_operand(terms, i, text, comma ? comma : end, operands->items[i]);
    if (status != HR_OK) return status;
    text = comma ? comma + 1 : end;
  }
  return arrow ? read_result(terms, arrow + 2) : default_result(terms);
}

hr_status hr_einsum_terms_init(hr_einsum_terms *terms, const char *subscripts, const hr_array_list *operands) {
  *terms = (hr_einsum_terms){.count = (int)operands->count};
  for (int i = 0; i < HR_EINSUM_LABELS; i++) terms->lengths[i] = -1;
  if (operands->count > INT32_MAX) return hr_fail(HR_UNSUPPORTED, "einsum: too many operands");
  terms->operands = hr_alloc_zero(sizeof *terms->operands * (operands->count + 1));
  if (!terms->operands) return hr_fail(HR_OUT_OF_MEMORY, "einsum: no memory for %zu operands", operands->count);
  hr_status status = read_terms(terms, subscripts, operands);
  if (status != HR_OK) hr_einsum_terms_deinit(terms);
  return status;
}

void hr_einsum_terms_deinit(hr_einsum_terms *terms) {
  for (int i = 0; terms->operands && i < terms->count; i++) hr_array_release(terms->operands[i].array);
  hr_free(terms->operands);
  *terms = (hr_einsum_terms){0};
}
