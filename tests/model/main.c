/* Every variant's verdict: a fault in each that the rules exclude, none in ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "models.h"

static void expect(const verdict *v, const char *name, bool fault) {
  print_message("  %-28s %8zu states: %s%s%s\n", name, v->states, v->fault ? v->fault : "no fault",
                v->fault ? " after " : "", v->road);
  if (fault)
    assert_non_null(v->fault);
  else
    assert_null(v->fault);
}

static void test_parking(void **state) {
  (void)state;
  static const char *const names[] = {"ours",        "no re-read",    "loads first",
                                      "plain store", "leaves parked", "ignores unpark"};
  verdict v;
  for (int i = 0; i < PARK_VARIANTS; i++) {
    park_explore(&v, (park_variant)i);
    expect(&v, names[i], i != PARK_OURS);
  }
}

static void test_skipping(void **state) {
  (void)state;
  static const char *const names[] = {"ours", "table, skipped waits", "table, skipped does not"};
  verdict v;
  for (int i = 0; i < SKIP_VARIANTS; i++) {
    skip_explore(&v, (skip_variant)i);
    expect(&v, names[i], i == SKIP_TABLE_NO_WAIT);
  }
}

static void test_stream(void **state) {
  (void)state;
  static const char *const names[] = {"ours", "idle unseen", "no kick", "silent helper", "parked late"};
  verdict v;
  for (int i = 0; i < STREAM_VARIANTS; i++) {
    stream_explore(&v, (stream_variant)i);
    expect(&v, names[i], i != STREAM_OURS);
  }
}

static void test_pool(void **state) {
  (void)state;
  static const char *const names[] = {"ours", "no second look", "no handover", "monitor forgets", "no monitor"};
  verdict v;
  for (int i = 0; i < POOL_VARIANTS; i++) {
    bool fault = false;
    for (int limit = 1; limit <= 3; limit++) {
      pool_explore(&v, (pool_variant)i, limit);
      if (i == POOL_OURS) expect(&v, names[i], false);
      if (v.fault && !fault) expect(&v, names[i], true);
      fault = fault || v.fault;
    }
    assert_int_equal(fault, i != POOL_OURS);
  }
}

static void test_standby(void **state) {
  (void)state;
  static const char *const names[] = {"ours", "counts late", "no count", "no look", "no wait", "blind"};
  verdict v;
  for (int i = 0; i < STANDBY_VARIANTS; i++) {
    standby_explore(&v, (standby_variant)i);
    expect(&v, names[i], i != STANDBY_OURS);
  }
}

/* Each faulty variant is caught on the graph that was drawn for it. */
static void test_claims_on_drawn_graphs(void **state) {
  (void)state;
  static const struct {
    const char *name;
    claim_variant variant;
    int graph;
  } faults[] = {{"batch, overlapping graphs", CLAIM_BATCH, 0},
                {"batch, separate graphs", CLAIM_BATCH, 1},
                {"batch, holding runs", CLAIM_BATCH_HOLDING, 4},
                {"siblings ahead", CLAIM_SIBLINGS, 2},
                {"silent give back", CLAIM_SILENT_BACK, 3}};
  verdict v;
  for (int graph = 0; graph < CLAIM_GRAPHS; graph++) {
    claim_explore(&v, CLAIM_OURS, graph);
    expect(&v, "ours", false);
  }
  for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
    claim_explore(&v, faults[i].variant, faults[i].graph);
    expect(&v, faults[i].name, true);
  }
}

static void test_claims_on_random_graphs(void **state) {
  (void)state;
  static const claim_variant variants[] = {CLAIM_OURS, CLAIM_BATCH, CLAIM_BATCH_HOLDING, CLAIM_SIBLINGS};
  for (size_t i = 0; i < sizeof variants / sizeof *variants; i++) {
    int faults = 0;
    for (int graph = 0; graph < CLAIM_RANDOM_GRAPHS; graph++) {
      verdict v;
      claim_explore(&v, variants[i], CLAIM_GRAPHS + graph);
      faults += v.fault != NULL;
    }
    print_message("  variant %d: %d of %d graphs at fault\n", (int)variants[i], faults, (int)CLAIM_RANDOM_GRAPHS);
    if (variants[i] == CLAIM_OURS)
      assert_int_equal(faults, 0);
    else
      assert_true(faults > 0);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_parking),
      cmocka_unit_test(test_skipping),
      cmocka_unit_test(test_stream),
      cmocka_unit_test(test_pool),
      cmocka_unit_test(test_standby),
      cmocka_unit_test(test_claims_on_drawn_graphs),
      cmocka_unit_test(test_claims_on_random_graphs),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
