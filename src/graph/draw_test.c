/* Drawings: the form of both, names, shared and deep graphs, what is queued, and failing allocations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "graph/draw.h"
#include "graph/eval.h"

static hr_status infer(hr_layout *out, const hr_op_call *call) {
  for (int i = 0; i < call->op->outputs; i++) {
    hr_status status = hr_layout_set(&out[i], (int[]){2}, 1, HR_INT32);
    if (status != HR_OK) return status;
  }
  return HR_OK;
}

static hr_status run_zero(const hr_run *run) {
  for (int i = 0; i < run->out_count; i++) {
    hr_status status = hr_run_output(run, i);
    if (status != HR_OK) return status;
    if (run->out[i]) memset(hr_array_data(run->out[i]), 0, 8);
  }
  return HR_OK;
}

static const hr_op op_join = {.name = "join", .arity = 2, .outputs = 1, .infer = infer, .run = {run_zero}};
static const hr_op op_pair = {.name = "pair", .arity = 1, .outputs = 2, .infer = infer, .run = {run_zero}};

static hr_array *constant(void) {
  hr_array *a;
  assert_int_equal(hr_array_new_copy(&a, (int32_t[]){1, 2}, (int[]){2}, 1, HR_INT32), HR_OK);
  return a;
}

static hr_array *join(hr_array *a, hr_array *b) {
  hr_array *in[] = {a, b}, *out;
  assert_int_equal(hr_apply(&out, &op_join, in, 2, NULL, NULL), HR_OK);
  return out;
}

typedef hr_status (*form)(FILE *file, hr_namer *namer, const hr_array_list *outputs);

/* What the form writes; the caller frees it. */
static char *drawn(form draw, hr_namer *namer, hr_array **outputs, size_t count) {
  char *text = NULL;
  size_t bytes;
  FILE *file = open_memstream(&text, &bytes);
  assert_non_null(file);
  assert_int_equal(draw(file, namer, &(hr_array_list){outputs, count}), HR_OK);
  fclose(file);
  return text;
}

static void assert_drawn(form draw, hr_array **outputs, size_t count, const char *expect) {
  hr_namer *namer;
  assert_int_equal(hr_namer_new(&namer), HR_OK);
  char *text = drawn(draw, namer, outputs, count);
  assert_string_equal(text, expect);
  free(text);
  hr_namer_free(namer);
}

static void test_forms(void **state) {
  (void)state;
  hr_array *x = constant(), *pair[2], *y, *z;
  assert_int_equal(hr_apply(pair, &op_pair, &x, 1, NULL, NULL), HR_OK);
  y = join(pair[0], x);
  z = join(pair[1], y);
  assert_drawn(hr_draw_steps, (hr_array *[]){z, y}, 2,
               "A  int32(2)\n"
               "B  int32(2), C  int32(2)  pair(A)\n"
               "D  int32(2)  join(C, A)\n"
               "E  int32(2)  join(B, D)\n");
  assert_drawn(hr_draw_dot, &y, 1,
               "digraph {\n{ rank=source; \"A\"; }\n"
               "{ \"#1\" [label=\"pair\", shape=rectangle]; }\n\"A\" -> \"#1\"\n{ \"B\"; }\n\"#1\" -> \"B\"\n"
               "{ \"#0\" [label=\"join\", shape=rectangle]; }\n\"B\" -> \"#0\"\n\"A\" -> \"#0\"\n"
               "{ rank=sink; \"C\"; }\n\"#0\" -> \"C\"\n}\n");
  assert_drawn(hr_draw_dot, NULL, 0, "digraph {\n}\n");
  /* Drawing left all as it was; what is computed is where a drawing begins. */
  assert_int_equal(hr_array_progress(y), HR_PROGRESS_LAZY);
  assert_int_equal(hr_eval(&y, 1), HR_OK);
  assert_drawn(hr_draw_steps, &z, 1, "A  int32(2)\nB  int32(2)\nC  int32(2)  join(A, B)\n");
  hr_array *all[] = {x, pair[0], pair[1], y, z};
  for (int i = 0; i < 5; i++) hr_array_release(all[i]);
}

static void test_names(void **state) {
  (void)state;
  hr_namer *namer;
  hr_array *x = constant(), *y = join(x, x), *z = constant();
  const char *name;
  assert_int_equal(hr_namer_new(&namer), HR_OK);
  assert_int_equal(hr_namer_set(namer, y, "A"), HR_OK); /* so that no other array is called A */
  assert_int_equal(hr_namer_set(namer, x, "first"), HR_OK);
  assert_int_equal(hr_namer_set(namer, x, "say \"\\x\""), HR_OK);
  char *text = drawn(hr_draw_dot, namer, &y, 1);
  assert_non_null(strstr(text, "{ rank=source; \"say \\\"\\\\x\\\"\"; }\n"));
  assert_non_null(strstr(text, "-> \"A\"\n"));
  free(text);
  assert_int_equal(hr_namer_get(&name, namer, z), HR_OK);
  assert_string_equal(name, "B");
  hr_array *more[27 * 26];
  for (int i = 0; i < 27 * 26; i++) { /* from C on; the last is one after ZZ */
    more[i] = constant();
    assert_int_equal(hr_namer_get(&name, namer, more[i]), HR_OK);
    if (i == 23) assert_string_equal(name, "Z");
    if (i == 24) assert_string_equal(name, "AA");
    if (i == 24 + 26 * 26 - 1) assert_string_equal(name, "ZZ");
    if (i == 24 + 26 * 26) assert_string_equal(name, "AAA");
  }
  for (int i = 0; i < 27 * 26; i++) hr_array_release(more[i]);
  assert_int_equal(hr_namer_get(&name, namer, z), HR_OK);
  assert_string_equal(name, "B");
  hr_namer_free(namer);
  hr_namer_free(NULL);
  hr_array *all[] = {x, y, z};
  for (int i = 0; i < 3; i++) hr_array_release(all[i]);
}

/* Every array is used twice, so that a drawing without memory of what it has seen would never end. */
static void test_deep_graphs(void **state) {
  (void)state;
  enum { DEPTH = 100000 };
  hr_array *x = constant();
  for (int i = 0; i < DEPTH; i++) {
    hr_array *next = join(x, x);
    hr_array_release(x);
    x = next;
  }
  hr_namer *namer;
  assert_int_equal(hr_namer_new(&namer), HR_OK);
  char *text = drawn(hr_draw_steps, namer, &x, 1);
  size_t lines = 0;
  for (const char *at = text; *at; at++) lines += *at == '\n';
  assert_int_equal(lines, DEPTH + 1);
  free(text);
  hr_namer_free(namer);
  hr_array_release(x);
}

static void test_files_that_are_full(void **state) {
  (void)state;
  FILE *full = fopen("/dev/full", "w");
  if (!full) skip();
  hr_namer *namer;
  hr_array *x = constant();
  assert_int_equal(hr_namer_new(&namer), HR_OK);
  assert_int_equal(hr_draw_dot(full, namer, &(hr_array_list){&x, 1}), HR_IO);
  fclose(full);
  hr_namer_free(namer);
  hr_array_release(x);
}

static hr_status attempt(hr_array *outputs, FILE *file) {
  hr_namer *namer;
  hr_status status = hr_namer_new(&namer);
  if (status == HR_OK) status = hr_namer_set(namer, outputs, "out");
  if (status == HR_OK) status = hr_draw_dot(file, namer, &(hr_array_list){&outputs, 1});
  hr_namer_free(namer);
  return status;
}

static void test_without_memory(void **state) {
  (void)state;
  FILE *file = fopen("/dev/null", "w");
  hr_array *x = constant(), *y = join(x, x);
  hr_status status = HR_OUT_OF_MEMORY;
  long n = 1;
  assert_non_null(file);
  for (; status != HR_OK; n++) {
    hr_alloc_fail_at(n);
    status = attempt(y, file);
    hr_alloc_fail_at(0);
    assert_true(status == HR_OK || status == HR_OUT_OF_MEMORY);
  }
  assert_true(n > 10);
  assert_int_equal(hr_array_progress(y), HR_PROGRESS_LAZY);
  fclose(file);
  hr_array_release(x);
  hr_array_release(y);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_forms),          cmocka_unit_test(test_names),
      cmocka_unit_test(test_deep_graphs),    cmocka_unit_test(test_files_that_are_full),
      cmocka_unit_test(test_without_memory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
