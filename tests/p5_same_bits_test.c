/* P5: the same program gives the same bits, with any number of workers, whichever streams, whatever the timing. The
 * program is drawn from a seed: ops of every family over odd shapes, large enough for parallel loops, in float32 and
 * float16. It runs in processes of its own, with 1, 2 and 7 workers and shuffled schedules; their checksums must agree.
 * R17: half of the inputs die as soon as they are used, so donation happens or not as timing has it. */
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>

#include "world.h"

#include "ops/binary.h"
#include "ops/cast.h"
#include "ops/distributions.h"
#include "ops/linear.h"
#include "ops/random.h"
#include "ops/reduce.h"
#include "ops/shape.h"
#include "ops/unary.h"

enum {
  POOL = 12,
  STREAMS = 4,
  STEPS = HR_SANITIZED ? 30 : 120,
  SIDE = HR_SANITIZED ? 67 : 301
}; /* odd: no full vectors */

/* FNV-1a, 64 bits. */
static uint64_t mix(uint64_t h, const void *data, size_t bytes) {
  const unsigned char *p = data;
  for (size_t i = 0; i < bytes; i++) h = (h ^ p[i]) * 0x100000001b3u;
  return h;
}

static int below(unsigned *seed, int n) { return (int)((unsigned)rand_r(seed) % (unsigned)n); }

#define MUST(expr) \
  if ((expr) != HR_OK) exit(3)

/* out: (SIDE, SIDE), of the dtype of a. Values are kept near one by tanh, so that nothing overflows. */
static hr_array *step(unsigned *seed, hr_array *a, hr_array *b, hr_stream *s) {
  hr_array *t = NULL, *out = NULL;
  switch (below(seed, 7)) {
    case 0: MUST(hr_add(&t, a, b, s)); break;
    case 1: MUST(hr_multiply(&t, a, b, s)); break;
    case 2: MUST(hr_matmul(&t, a, b, s)); break;
    case 3: {
      hr_array *sum;
      MUST(hr_sum_axis(&sum, a, below(seed, 2), true, s));
      MUST(hr_subtract(&t, b, sum, s));
      hr_array_release(sum);
      break;
    }
    case 4: {
      hr_array *all;
      MUST(hr_sum(&all, a, false, s));
      MUST(hr_add(&t, b, all, s));
      hr_array_release(all);
      break;
    }
    case 5: {
      hr_array *turned;
      MUST(hr_transpose(&turned, a, s));
      MUST(hr_maximum(&t, turned, b, s));
      hr_array_release(turned);
      break;
    }
    default: MUST(hr_exp(&t, a, s)); break;
  }
  MUST(hr_tanh(&out, t, s));
  hr_array_release(t);
  return out;
}

static hr_array *fresh(uint64_t number, hr_dtype dtype, hr_stream *s) {
  const int shape[] = {SIDE, SIDE};
  hr_array *key, *out;
  MUST(hr_random_key(&key, number));
  MUST(hr_random_normal(&out, shape, 2, dtype, 0, 1, key, s));
  hr_array_release(key);
  return out;
}

static uint64_t run_program(unsigned seed, hr_dtype dtype) {
  hr_stream *s[STREAMS];
  hr_array *pool[POOL];
  uint64_t h = 0xcbf29ce484222325u;
  for (int i = 0; i < STREAMS; i++) MUST(hr_stream_create(&s[i], 0, 0));
  for (int i = 0; i < POOL; i++) pool[i] = fresh((uint64_t)i + seed, dtype, s[i % STREAMS]);
  for (int i = 0; i < STEPS; i++) {
    int at = below(&seed, POOL);
    hr_array *old = pool[at];
    pool[at] = step(&seed, old, pool[below(&seed, POOL)], s[below(&seed, STREAMS)]);
    hr_array_release(old);
    if (i % 10 == 9) MUST(hr_async_eval(pool, POOL));
  }
  for (int i = 0; i < POOL; i++) {
    const void *data;
    hr_array *row;
    MUST(hr_contiguous(&row, pool[i], false, s[0]));
    MUST(hr_array_read(&data, row));
    h = mix(h, data, hr_array_nbytes(row));
    hr_array_release(row);
    hr_array_release(pool[i]);
  }
  for (int i = 0; i < STREAMS; i++) hr_stream_handle_release(s[i]);
  return h;
}

static int child(void) {
  alarm(WATCHDOG_S);
  for (unsigned seed = 1; seed <= 3; seed++) {
    printf("%016llx ", (unsigned long long)run_program(seed, HR_FLOAT32));
    printf("%016llx ", (unsigned long long)run_program(seed, HR_FLOAT16));
  }
  puts("end");
  return 0;
}

enum { TEXT = 256 };

/* This program again, as a child with these settings; its line of checksums. */
static void run_with(char line[TEXT], int workers, int chaos) {
  char command[TEXT], self[TEXT];
  ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
  assert_true(length > 0);
  self[length] = 0;
  snprintf(command, sizeof command, "HEADRACE_THREADS=%d HEADRACE_CHAOS=%.*d exec '%.180s' child", workers, chaos > 0,
           chaos, self);
  FILE *f = popen(command, "r");
  assert_non_null(f);
  line[0] = 0;
  assert_non_null(fgets(line, TEXT, f));
  assert_int_equal(pclose(f), 0);
  assert_non_null(strstr(line, "end"));
}

static void test_any_workers_any_timing(void **state) {
  (void)state;
  static const int workers[] = {1, 2, 7};
  char expected[TEXT], line[TEXT];
  run_with(expected, 1, 0);
  for (int w = 0; w < 3; w++)
    for (int chaos = 0; chaos <= scaled(2, 1) * stress_factor(); chaos++) {
      run_with(line, workers[w], chaos);
      assert_string_equal(line, expected);
    }
}

/* A checksum that never changes would agree with anything. */
static void test_the_checksum_sees_values(void **state) {
  (void)state;
  assert_true(run_program(1, HR_FLOAT32) != run_program(2, HR_FLOAT32));
  assert_true(run_program(1, HR_FLOAT32) == run_program(1, HR_FLOAT32));
}

int main(int argc, char **argv) {
  (void)argv;
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_any_workers_any_timing),
      cmocka_unit_test(test_the_checksum_sees_values),
  };
  if (argc == 2) return child();
  watchdog();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
