/* src/ops/einsum.c - see einsum.h. */
#include "ops/einsum.h"

#include <string.h>

#include "ops/binary.h"
#include "ops/cast.h"
#include "ops/check.h"
#include "ops/einsum_terms.h"
#include "ops/linear.h"
#include "ops/reduce.h"
#include "ops/shape.h"

typedef hr_einsum_operand operand;

static int axis_of(const operand *o, int label) {
  for (int axis = 0; axis < o->array->ndim; axis++)
    if (o->labels[axis] == label) return axis;
  return -1;
}

/* Takes over `array`. */
static void replace(operand *o, hr_array *array) {
  hr_array_release(o->array);
  o->array = array;
}

/* Takes the label of axis out; the later ones move up. */
static void drop_label(operand *o, int axis, int ndim) {
  memmove(o->labels + axis, o->labels + axis + 1, (size_t)(ndim - axis - 1));
}

/* --- one operand --- */

/* An axis of length 1 that others are longer on means the same if it is not there. */
static hr_status drop_ones(const hr_einsum_terms *t, operand *o, hr_stream *s) {
  int axes[HR_MAX_NDIM], count = 0, ndim = o->array->ndim;
  hr_array *next;
  for (int axis = 0; axis < ndim; axis++)
    if (hr_array_shape(o->array)[axis] == 1 && t->lengths[o->labels[axis]] != 1) axes[count++] = axis;
  if (!count) return HR_OK;
  hr_status status = hr_squeeze_axes(&next, o->array, axes, (size_t)count, s);
  if (status != HR_OK) return status;
  for (int i = count - 1; i >= 0; i--) drop_label(o, axes[i], ndim--);
  replace(o, next);
  return HR_OK;
}

/* Both axes become one, which comes last. */
static hr_status take_diagonal(operand *o, int first, int second, hr_stream *s) {
  const int *shape = hr_array_shape(o->array);
  hr_array *next;
  if (shape[first] != shape[second])
    return hr_fail(HR_INVALID, "einsum: a subscript stands for axes of lengths %d and %d of one operand", shape[first],
                   shape[second]);
  uint8_t label = o->labels[first];
  int ndim = o->array->ndim;
  hr_status status = hr_diagonal(&next, o->array, 0, first, second, s);
  if (status != HR_OK) return status;
  drop_label(o, second, ndim);
  drop_label(o, first, ndim - 1);
  o->labels[ndim - 2] = label;
  replace(o, next);
  return HR_OK;
}

static hr_status take_diagonals(operand *o, hr_stream *s) {
  for (int second = 1; second < o->array->ndim; second++) {
    int first = axis_of(o, o->labels[second]);
    if (first == second) continue;
    hr_status status = take_diagonal(o, first, second, s);
    if (status != HR_OK) return status;
    second = 0;
  }
  return HR_OK;
}

/* Whether the result or an operand other than these two has the label. */
static bool is_needed(const hr_einsum_terms *t, int label, const operand *a, const operand *b) {
  if (memchr(t->result, label, (size_t)t->result_ndim)) return true;
  for (const operand *o = t->operands; o < t->operands + t->count; o++)
    if (o != a && o != b && axis_of(o, label) >= 0) return true;
  return false;
}

static hr_status sum_alone(const hr_einsum_terms *t, operand *o, hr_stream *s) {
  int axes[HR_MAX_NDIM], count = 0, ndim = o->array->ndim;
  hr_array *next;
  for (int axis = 0; axis < ndim; axis++)
    if (!is_needed(t, o->labels[axis], o, o)) axes[count++] = axis;
  if (!count) return HR_OK;
  hr_status status = hr_sum_axes(&next, o->array, axes, (size_t)count, false, s);
  if (status != HR_OK) return status;
  for (int i = count - 1; i >= 0; i--) drop_label(o, axes[i], ndim--);
  replace(o, next);
  return HR_OK;
}

static hr_status prepare(hr_einsum_terms *t, hr_stream *s) {
  hr_status status = HR_OK;
  hr_dtype dtype = hr_array_dtype(t->operands[0].array);
  for (int i = 1; i < t->count; i++) dtype = hr_dtype_promote(dtype, hr_array_dtype(t->operands[i].array));
  for (operand *o = t->operands; o < t->operands + t->count; o++) {
    hr_array *cast;
    HR_TRY(hr_astype(&cast, o->array, dtype, s));
    replace(o, cast);
    HR_TRY(take_diagonals(o, s));
    HR_TRY(drop_ones(t, o, s));
  }
  for (operand *o = t->operands; o < t->operands + t->count; o++) HR_TRY(sum_alone(t, o, s));
done:
  return status;
}

/* --- two operands --- */

typedef struct group {
  uint8_t labels[HR_MAX_NDIM];
  int count;
  int64_t size;
} group;

static void add_label(const hr_einsum_terms *t, group *g, int label) {
  g->labels[g->count++] = (uint8_t)label;
  g->size *= t->lengths[label];
}

/* What a product of two is made of: labels that both have and that are kept; of one alone; summed over. */
typedef struct pair {
  operand *a, *b;
  group both, left, right, summed;
} pair;

static void pair_init(pair *p, const hr_einsum_terms *t, operand *a, operand *b) {
  *p = (pair){a, b, {.size = 1}, {.size = 1}, {.size = 1}, {.size = 1}};
  const operand *larger = a->array->size >= b->array->size ? a : b; /* its order of axes is kept */
  for (int axis = 0; axis < larger->array->ndim; axis++) {
    int label = larger->labels[axis];
    if (axis_of(a, label) < 0 || axis_of(b, label) < 0) continue;
    add_label(t, is_needed(t, label, a, b) ? &p->both : &p->summed, label);
  }
  for (int axis = 0; axis < a->array->ndim; axis++)
    if (axis_of(b, a->labels[axis]) < 0) add_label(t, &p->left, a->labels[axis]);
  for (int axis = 0; axis < b->array->ndim; axis++)
    if (axis_of(a, b->labels[axis]) < 0) add_label(t, &p->right, b->labels[axis]);
}

/* Lengths of the groups' labels in this order; returns how many. */
static int shape_of(int *shape, const hr_einsum_terms *t, const group *const *groups, int count) {
  int ndim = 0;
  for (int i = 0; i < count; i++)
    for (int k = 0; k < groups[i]->count; k++) shape[ndim++] = t->lengths[groups[i]->labels[k]];
  return ndim;
}

/* A view of o with its axes in the order of the groups; labels that it has not are left out. */
static hr_status arrange(hr_array **out, const operand *o, const group *const *groups, int count, hr_stream *s) {
  int axes[HR_MAX_NDIM], ndim = 0;
  for (int i = 0; i < count; i++)
    for (int k = 0; k < groups[i]->count; k++) {
      int axis = axis_of(o, groups[i]->labels[k]);
      if (axis >= 0) axes[ndim++] = axis;
    }
  return hr_transpose_axes(out, o->array, axes, (size_t)ndim, s);
}

static hr_status check_pair(const pair *p) {
  int ndim = p->both.count + p->left.count + p->right.count + p->summed.count;
  if (ndim > HR_MAX_NDIM)
    return hr_fail(HR_UNSUPPORTED, "einsum: a product of two operands has more than %d axes", HR_MAX_NDIM);
  if (p->left.size > INT32_MAX || p->right.size > INT32_MAX || p->summed.size > INT32_MAX)
    return hr_fail(HR_UNSUPPORTED, "einsum: more than %d elements along one side of a product", INT32_MAX);
  return HR_OK;
}

/* o as matrices: the last two axes are the groups 1 and 2, joined. */
static hr_status as_matrices(hr_array **out, const hr_einsum_terms *t, const operand *o, const group *const groups[3],
                             hr_stream *s) {
  int shape[HR_MAX_NDIM + 2];
  hr_array *arranged;
  hr_status status = arrange(&arranged, o, groups, 3, s);
  if (status != HR_OK) return status;
  int ndim = shape_of(shape, t, groups, 1);
  shape[ndim++] = (int)groups[1]->size;
  shape[ndim++] = (int)groups[2]->size;
  status = hr_reshape(out, arranged, shape, (size_t)ndim, s);
  hr_array_release(arranged);
  return status;
}

static hr_status by_matmul(hr_array **out, const hr_einsum_terms *t, const pair *p, hr_stream *s) {
  const group *const left[] = {&p->both, &p->left, &p->summed}, *const right[] = {&p->both, &p->summed, &p->right};
  const group *const made[] = {&p->both, &p->left, &p->right};
  int shape[HR_MAX_NDIM];
  hr_array *a = NULL, *b = NULL, *product = NULL;
  hr_status status;
  HR_TRY(as_matrices(&a, t, p->a, left, s));
  HR_TRY(as_matrices(&b, t, p->b, right, s));
  HR_TRY(hr_matmul(&product, a, b, s));
  int ndim = shape_of(shape, t, made, 3);
  status = hr_reshape(out, product, shape, (size_t)ndim, s);
done:
  hr_array_release(a);
  hr_array_release(b);
  hr_array_release(product);
  return status;
}

/* o with axes in the order of all groups, of length 1 where it has none. */
static hr_status spread(hr_array **out, const operand *o, const group *const groups[4], hr_stream *s) {
  int missing[HR_MAX_NDIM], count = 0, place = 0;
  hr_array *arranged;
  hr_status status = arrange(&arranged, o, groups, 4, s);
  if (status != HR_OK) return status;
  for (int i = 0; i < 4; i++)
    for (int k = 0; k < groups[i]->count; k++, place++)
      if (axis_of(o, groups[i]->labels[k]) < 0) missing[count++] = place;
  status = hr_expand_dims_axes(out, arranged, missing, (size_t)count, s);
  hr_array_release(arranged);
  return status;
}

static hr_status by_product(hr_array **out, const pair *p, hr_stream *s) {
  const group *const groups[] = {&p->both, &p->left, &p->right, &p->summed};
  int axes[HR_MAX_NDIM];
  hr_array *a = NULL, *b = NULL, *product = NULL;
  hr_status status;
  HR_TRY(spread(&a, p->a, groups, s));
  HR_TRY(spread(&b, p->b, groups, s));
  HR_TRY(hr_multiply(&product, a, b, s));
  for (int i = 0; i < p->summed.count; i++) axes[i] = -1 - i;
  if (p->summed.count)
    status = hr_sum_axes(out, product, axes, (size_t)p->summed.count, false, s);
  else
    *out = hr_array_retain(product);
done:
  hr_array_release(a);
  hr_array_release(b);
  hr_array_release(product);
  return status;
}

/* The first becomes the product; the last operand takes the place of the second. */
static hr_status contract(hr_einsum_terms *t, int first, int second, hr_stream *s) {
  operand *a = &t->operands[first], *b = &t->operands[second];
  hr_array *product;
  pair p;
  pair_init(&p, t, a, b);
  hr_status status = check_pair(&p);
  if (status != HR_OK) return status;
  bool sums = p.summed.count && hr_dtype_is_inexact(hr_array_dtype(a->array));
  status = sums ? by_matmul(&product, t, &p, s) : by_product(&product, &p, s);
  if (status != HR_OK) return status;
  replace(a, product);
  memcpy(a->labels, p.both.labels, (size_t)p.both.count);
  memcpy(a->labels + p.both.count, p.left.labels, (size_t)p.left.count);
  memcpy(a->labels + p.both.count + p.left.count, p.right.labels, (size_t)p.right.count);
  hr_array_release(b->array);
  *b = t->operands[--t->count];
  return HR_OK;
}

/* How much larger the product is than both, and how many multiplications it takes: less is better. */
static void pair_price(double price[2], const pair *p) {
  double product = (double)p->both.size * (double)p->left.size * (double)p->right.size;
  price[0] = product - (double)p->a->array->size - (double)p->b->array->size;
  price[1] = product * (double)p->summed.size;
}

static hr_status contract_best(hr_einsum_terms *t, hr_stream *s) {
  int first = 0, second = 1;
  double best[2], price[2];
  for (int i = 0; i < t->count; i++)
    for (int k = i + 1; k < t->count; k++) {
      pair p;
      pair_init(&p, t, &t->operands[i], &t->operands[k]);
      pair_price(price, &p);
      if (i + k > 1 && (price[0] > best[0] || (price[0] == best[0] && price[1] >= best[1]))) continue;
      memcpy(best, price, sizeof best);
      first = i, second = k;
    }
  return contract(t, first, second, s);
}

hr_status hr_einsum(hr_array **out, const char *subscripts, const hr_array_list *operands, hr_stream *s) {
  hr_einsum_terms terms;
  group result = {.size = 1};
  *out = NULL;
  for (size_t i = 0; i < operands->count; i++) {
    hr_status given = hr_op_given("einsum", operands->items[i]);
    if (given != HR_OK) return given;
  }
  hr_status status = hr_einsum_terms_init(&terms, subscripts, operands);
  if (status != HR_OK) return status;
  HR_TRY(prepare(&terms, s));
  while (terms.count > 1) HR_TRY(contract_best(&terms, s));
  for (int i = 0; i < terms.result_ndim; i++) add_label(&terms, &result, terms.result[i]);
  status = arrange(out, &terms.operands[0], &(const group *){&result}, 1, s);
done:
  hr_einsum_terms_deinit(&terms);
  return status;
}
