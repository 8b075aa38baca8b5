/* R25: a process ends when it wants to, whatever is queued, running or waited for. Each case runs in a process of its
 * own, this program started again with the case's name; a case that hangs is ended by its watchdog and fails here. */
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "world.h"

static gate never;

/* --- cases; each runs in main() of a new process, and answers its exit status --- */

static int queued_work(void) {
  hr_stream *s[2] = {stream_new(), stream_new()};
  start(chain(constant(0), &op_heavy, 20000, s, 2));
  return 0;
}

static int task_that_never_ends(void) {
  gate_init(&never);
  hr_stream *s = stream_new();
  start(call(&op_user_call, passes, &never, NULL, s));
  until_state(s, HR_STREAM_RUNNING);
  return 0;
}

static void *waits_for_ever(void *arg) { return hr_array_wait(arg, -1) == HR_OK ? arg : NULL; }

static int threads_that_wait(void) {
  pthread_t thread;
  gate_init(&never);
  hr_array *y = call(&op_user_call, passes, &never, NULL, stream_new());
  start(y);
  for (int i = 0; i < 3; i++)
    if (pthread_create(&thread, NULL, waits_for_ever, y) != 0 || pthread_detach(thread) != 0) return 1;
  return 0;
}

static void *evaluates_for_ever(void *arg) {
  hr_stream *s[2] = {arg, NULL};
  for (;;) {
    hr_array *y = chain(constant(0), &op_light, 10, s, 2);
    if (hr_eval(&y, 1) != HR_OK) return NULL;
    hr_array_release(y);
  }
}

static int threads_that_evaluate(void) {
  pthread_t thread;
  for (int i = 0; i < 3; i++)
    if (pthread_create(&thread, NULL, evaluates_for_ever, stream_new()) != 0 || pthread_detach(thread) != 0) return 1;
  return 0;
}

static hr_status leaves(void *arg) {
  (void)arg;
  exit(0);
}

static int exit_inside_a_task(void) {
  hr_array *y = call(&op_user_call, leaves, NULL, NULL, stream_new());
  start(y);
  pause();
  return 1;
}

/* Says that it has begun, and never ends. */
static _Atomic(int) stuck_inside;
static hr_status stays(void *arg) {
  hr_store_release(&stuck_inside, 1);
  gate_pass(arg);
  return HR_OK;
}

/* A handler that was there before the library's runs after it: no worker begins anything any more. */
static hr_array *late_light, *late_heavy, *late_stuck;
static void evaluates_at_exit(void) {
  if (take_int(late_light) != 1) _exit(2);
  if (take_int(late_heavy) != 2) _exit(3);
  if (hr_array_wait(late_stuck, -1) != HR_CLOSED) _exit(4);
}
static int work_in_exit_handlers(void) {
  atexit(evaluates_at_exit);
  gate_init(&never);
  late_light = apply(&op_light, NULL, NULL, stream_new());
  hr_array *x = apply(&op_heavy, NULL, NULL, stream_new());
  late_heavy = call(&op_library_call, passes, &never, x, stream_new());
  gate_open(&never);
  gate_open(&never);
  gate *other = malloc(sizeof *other);
  gate_init(other);
  hr_stream *s = stream_new();
  start(late_stuck = call(&op_user_call, stays, other, NULL, s));
  while (!hr_load_acquire(&stuck_inside)) sched_yield(); /* before that it would be cancelled, not stuck */
  return 0;
}

/* A destructor of thread-local data that runs after the library's own, and calls into it. */
static pthread_key_t late_key;
static _Atomic(int) late_calls;
static void calls_late(void *rounds) {
  hr_array *y = apply(&op_light, NULL, NULL, NULL);
  if (take_int(y) == 1) hr_add_acq_rel(&late_calls, 1);
  if ((intptr_t)rounds > 1) pthread_setspecific(late_key, (void *)((intptr_t)rounds - 1));
}
static void *ends_late(void *arg) {
  (void)arg;
  pthread_setspecific(late_key, (void *)2);
  read_int(apply(&op_light, NULL, NULL, NULL));
  return NULL;
}
static int work_in_thread_destructors(void) {
  pthread_t thread;
  stream_new();
  pthread_key_create(&late_key, calls_late);
  if (pthread_create(&thread, NULL, ends_late, NULL) != 0) return 1;
  pthread_join(thread, NULL);
  return hr_load_acquire(&late_calls) == 2 ? 0 : 1;
}

/* The system refuses threads from the start: waiting threads do the work themselves. */
static int no_threads_to_be_had(void) {
  struct rlimit none = {1, 1};
  hr_array *x = apply(&op_heavy, NULL, NULL, stream_new());
  hr_array *y = call(&op_library_call, passes, &never, x, stream_new());
  gate_init(&never);
  gate_open(&never);
  if (HR_SANITIZED) return 0;
  if (setrlimit(RLIMIT_AS, &none) != 0) return 1;
  if (hr_async_eval(&y, 1) != HR_OK) return 2;
  return take_int(y) == 2 ? 0 : 3;
}

static struct rlimit room;
static void give_room(int signal) {
  (void)signal;
  setrlimit(RLIMIT_AS, &room);
}

static hr_status waits_for(void *arg) { return hr_array_wait(arg, -1); }

/* A task waits for another's, which nobody runs until the system has threads again. */
static int threads_to_be_had_later(void) {
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
  struct itimerspec soon = {.it_value.tv_nsec = 20000000};
  timer_t timer;
  if (HR_SANITIZED) return 0;
  gate_init(&never);
  gate_open(&never);
  hr_array *x = call(&op_user_call, passes, &never, NULL, stream_new());
  hr_array *y = call(&op_user_call, waits_for, x, NULL, stream_new());
  if (getrlimit(RLIMIT_AS, &room) != 0 || setrlimit(RLIMIT_AS, &(struct rlimit){1, room.rlim_max}) != 0) return 1;
  if (hr_async_eval(&x, 1) != HR_OK || hr_async_eval(&y, 1) != HR_OK) return 2;
  signal(SIGUSR1, give_room);
  if (timer_create(CLOCK_MONOTONIC, &event, &timer) != 0 || timer_settime(timer, 0, &soon, NULL) != 0) return 3;
  return take_int(y) == 1 ? 0 : 4;
}

static const struct {
  const char *name;
  int (*run)(void);
} cases[] = {
    {"queued", queued_work},
    {"endless", task_that_never_ends},
    {"waiting", threads_that_wait},
    {"evaluating", threads_that_evaluate},
    {"inside", exit_inside_a_task},
    {"handlers", work_in_exit_handlers},
    {"destructors", work_in_thread_destructors},
    {"alone", no_threads_to_be_had},
    {"later", threads_to_be_had_later},
};
enum { CASES = sizeof cases / sizeof *cases };

static void expect_end(const char *name) {
  extern char **environ;
  char *argv[] = {"r25_exit", (char *)name, NULL};
  int result;
  pid_t child;
  assert_int_equal(posix_spawn(&child, "/proc/self/exe", NULL, NULL, argv, environ), 0);
  assert_true(waitpid(child, &result, 0) == child);
  if (!WIFEXITED(result) || WEXITSTATUS(result) != 0)
    fail_msg("%s: ended with wait status %#x", name, (unsigned)result);
}

static void test_exits(void **state) {
  (void)state;
  for (int i = 0; i < CASES; i++) expect_end(cases[i].name);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_exits)};
  if (argc == 2) {
    alarm(60);
    for (int i = 0; i < CASES; i++)
      if (strcmp(cases[i].name, argv[1]) == 0) return cases[i].run();
    return 1;
  }
  setenv("LSAN_OPTIONS", "detect_leaks=0", 1); /* the cases end with work in flight */
  watchdog();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
