/* Readers, writers and the contents of GGUF files. */
#include "capi/test_util.h"

#include "mlx/c/array.h"
#include "mlx/c/io_types.h"

static int freed;
static const char *label(void *desc) { return desc; }
static const char *no_label(void *desc) {
  (void)desc;
  return NULL;
}
static void count_free(void *desc) {
  (void)desc;
  freed++;
}

static void test_files(void **state) {
  (void)state;
  static char name[] = "<50% memory>";
  mlx_io_reader reader = mlx_io_reader_new(name, (mlx_io_vtable){.label = label, .free = count_free});
  mlx_io_writer writer = mlx_io_writer_new(NULL, (mlx_io_vtable){.label = no_label});
  mlx_string text = {0};
  void *desc = NULL;
  freed = 0;
  assert_ok(mlx_io_reader_tostring(&text, reader));
  assert_string_equal(mlx_string_data(text), name);
  assert_ok(mlx_io_reader_descriptor(&desc, reader));
  assert_ptr_equal(desc, name);
  assert_ok(mlx_io_writer_tostring(&text, writer));
  assert_string_equal(mlx_string_data(text), "");
  assert_ok(mlx_io_writer_descriptor(&desc, writer));
  assert_null(desc);
  assert_fails(mlx_io_writer_descriptor(&desc, (mlx_io_writer){0}), "`io` is an empty handle");
  mlx_io_reader_free(reader);
  assert_int_equal(freed, 1);
  mlx_io_writer_free(writer);
  mlx_io_writer_free((mlx_io_writer){0});
  mlx_string_free(text);
}

static void test_gguf(void **state) {
  (void)state;
  const char *words[2] = {"<s>", "</s>"};
  mlx_io_gguf g = mlx_io_gguf_new();
  mlx_array one = mlx_array_new_int(1), got = mlx_array_new();
  mlx_vector_string texts = mlx_vector_string_new_data(words, 2), out = {0};
  mlx_string text = {0};
  char *at = NULL;
  bool yes = false;
  int value = 0;
  assert_ok(mlx_io_gguf_set_array(g, "b.weight", one));
  assert_ok(mlx_io_gguf_set_array(g, "a.weight", one));
  assert_ok(mlx_io_gguf_set_metadata_array(g, "shape", one));
  assert_ok(mlx_io_gguf_set_metadata_string(g, "name", "tiny"));
  assert_ok(mlx_io_gguf_set_metadata_vector_string(g, "tokens", texts));
  assert_ok(mlx_io_gguf_get_keys(&out, g));
  assert_int_equal(mlx_vector_string_size(out), 2);
  assert_ok(mlx_vector_string_get(&at, out, 0));
  assert_string_equal(at, "b.weight");
  assert_ok(mlx_io_gguf_get_array(&got, g, "a.weight"));
  assert_ok(mlx_io_gguf_get_metadata_array(&got, g, "shape"));
  assert_ok(mlx_array_item_int32(&value, got));
  assert_int_equal(value, 1);
  assert_ok(mlx_io_gguf_get_metadata_string(&text, g, "name"));
  assert_string_equal(mlx_string_data(text), "tiny");
  assert_ok(mlx_io_gguf_get_metadata_vector_string(&out, g, "tokens"));
  assert_ok(mlx_vector_string_get(&at, out, 1));
  assert_string_equal(at, "</s>");
  assert_ok(mlx_io_gguf_has_metadata_string(&yes, g, "name"));
  assert_true(yes);
  assert_ok(mlx_io_gguf_has_metadata_array(&yes, g, "name"));
  assert_false(yes);
  assert_ok(mlx_io_gguf_has_metadata_vector_string(&yes, g, "absent"));
  assert_false(yes);
  assert_ok(mlx_io_gguf_set_metadata_string(g, "tokens", "now a string"));
  assert_fails(mlx_io_gguf_get_metadata_vector_string(&out, g, "tokens"), "\"tokens\" that is a list of strings");
  assert_fails(mlx_io_gguf_get_array(&got, g, "c.weight"), "there is no array \"c.weight\"");
  assert_fails(mlx_io_gguf_set_array(g, "x", (mlx_array){0}), "`arr` is an empty handle");
  assert_fails(mlx_io_gguf_set_metadata_string(g, NULL, "x"), "`key` is NULL");
  mlx_io_gguf_free(g);
  mlx_array_free(one);
  mlx_array_free(got);
  mlx_vector_string_free(texts);
  mlx_vector_string_free(out);
  mlx_string_free(text);
}

static int attempt(void) {
  const char *words[2] = {"a", "b"};
  mlx_io_gguf g = mlx_io_gguf_new();
  mlx_array one = mlx_array_new_int(1);
  mlx_vector_string texts = mlx_vector_string_new_data(words, 2), out = {0};
  freed = 0;
  mlx_io_reader reader = mlx_io_reader_new(NULL, (mlx_io_vtable){.free = count_free});
  int failed = !g.ctx || !one.ctx || !texts.ctx || !reader.ctx, made = reader.ctx != NULL;
  failed = failed || mlx_io_gguf_set_array(g, "x", one) != 0 || mlx_io_gguf_set_metadata_array(g, "y", one) != 0;
  failed = failed || mlx_io_gguf_set_metadata_string(g, "z", "text") != 0;
  failed = failed || mlx_io_gguf_set_metadata_vector_string(g, "z", texts) != 0;
  failed = failed || mlx_io_gguf_get_keys(&out, g) != 0;
  failed = failed || mlx_io_gguf_get_metadata_vector_string(&out, g, "z") != 0;
  mlx_io_gguf_free(g);
  mlx_io_reader_free(reader);
  assert_int_equal(freed, made);
  mlx_array_free(one);
  mlx_vector_string_free(texts);
  mlx_vector_string_free(out);
  return failed;
}

static void test_failing_allocations(void **state) {
  (void)state;
  sweep(attempt);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_files), cmocka_unit_test(test_gguf),
                                     cmocka_unit_test(test_failing_allocations)};
  return cmocka_run_group_tests(tests, group_set_up, NULL);
}
