/* What tests/test_einsum.py cannot see: which operands are copied, and memory that fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "graph/eval.h"
#include "graph/node.h"
#include "ops/einsum.h"
#include "ops/einsum_terms.h"
#include "ops/linear.h"
#include "ops/shape.h"

static hr_array *ones(const int *shape, int ndim) {
  hr_array *a;
  assert_int_equal(hr_array_new_empty(&a, shape, ndim, HR_FLOAT32), HR_OK);
  for (int64_t i = 0; i < a->size; i++) ((float *)hr_array_data(a))[i] = 1;
  return a;
}
#define ONES(...) ones((int[]){__VA_ARGS__}, (int)(sizeof((int[]){__VA_ARGS__}) / sizeof(int)))

static hr_array *einsum(const char *subscripts, hr_array *a, hr_array *b) {
  hr_array *out;
  hr_array *items[] = {a, b};
  assert_int_equal(hr_einsum(&out, subscripts, &(hr_array_list){items, b ? 2 : 1}, NULL), HR_OK);
  return out;
}

static float first_of(hr_array *a) {
  const void *data;
  assert_int_equal(hr_array_read(&data, a), HR_OK);
  return *(const float *)data;
}

/* Orders of axes and diagonals are views. */
static void test_views(void **state) {
  (void)state;
  static const char *const subscripts[] = {"abc->cab", "abc->abc", "aab->ba", "aba->ab", "...->..."};
  hr_array *a = ONES(3, 3, 3);
  for (int i = 0; i < 5; i++) {
    hr_array *out = einsum(subscripts[i], a, NULL);
    assert_true(first_of(out) == 1);
    assert_ptr_equal(out->buffer, a->buffer);
    hr_array_release(out);
  }
  hr_array_release(a);
}

static void check_view_of(const hr_array *x, const hr_array *a) {
  while (x->node) {
    assert_true(x->node->op->traits & HR_OP_VIEW);
    x = x->node->slots[0];
  }
  assert_ptr_equal(x, a);
}

/* The operands of the product are views of what is given: transposed, and with joined axes. */
static void test_no_copies(void **state) {
  (void)state;
  static const char *const subscripts[] = {"abc,dbc->ad", "abc,dbc->da", "bca,bcd->ad", "abc,cd->abd"};
  for (int i = 0; i < 4; i++) {
    hr_array *a = ONES(4, 4, 4), *b = i < 3 ? ONES(4, 4, 4) : ONES(4, 4), *out = einsum(subscripts[i], a, b);
    hr_array *x = out;
    while (x->node->op != &hr_op_matmul) x = x->node->slots[0];
    check_view_of(x->node->slots[0], a);
    check_view_of(x->node->slots[1], b);
    assert_true(first_of(out) == (i < 3 ? 16 : 4));
    hr_array_release(a);
    hr_array_release(b);
    hr_array_release(out);
  }
}

static void test_no_memory(void **state) {
  (void)state;
  hr_array *a = ONES(2, 3, 3, 1), *b = ONES(3, 4, 5), *c = ONES(4), *items[] = {a, b, c};
  hr_status status = HR_OUT_OF_MEMORY;
  for (int failing = 1; status != HR_OK; failing++) {
    hr_array *out;
    hr_alloc_fail_at(failing);
    status = hr_einsum(&out, "aiix,ibd,b->ad", &(hr_array_list){items, 3}, NULL);
    hr_alloc_fail_at(0);
    assert_true(status == HR_OK || (status == HR_OUT_OF_MEMORY && !out));
    if (status != HR_OK) continue;
    assert_true(first_of(out) == 12);
    hr_array_release(out);
  }
  hr_array_release(a);
  hr_array_release(b);
  hr_array_release(c);
}

static void test_terms(void **state) {
  (void)state;
  hr_einsum_terms terms;
  hr_array *a = ONES(2, 3, 4, 5), *b = ONES(4, 1), *items[] = {a, b};
  assert_int_equal(hr_einsum_terms_init(&terms, "z...A, ... B", &(hr_array_list){items, 2}), HR_OK);
  static const uint8_t first[] = {51, HR_EINSUM_LABELS - 2, HR_EINSUM_LABELS - 1, 0},
                       result[] = {HR_EINSUM_LABELS - 2, HR_EINSUM_LABELS - 1, 0, 1, 51};
  assert_memory_equal(terms.operands[0].labels, first, sizeof first);
  assert_int_equal(terms.result_ndim, 5);
  assert_memory_equal(terms.result, result, sizeof result);
  assert_int_equal(terms.lengths[HR_EINSUM_LABELS - 1], 4);
  assert_int_equal(terms.lengths[1], 1);
  assert_int_equal(terms.lengths[2], -1);
  hr_einsum_terms_deinit(&terms);
  assert_int_equal(hr_einsum_terms_init(&terms, "ab,cd", &(hr_array_list){items, 2}), HR_INVALID);
  assert_null(terms.operands);
  hr_array_release(a);
  hr_array_release(b);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_views), cmocka_unit_test(test_no_copies),
                                     cmocka_unit_test(test_no_memory), cmocka_unit_test(test_terms)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
