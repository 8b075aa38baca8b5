/* Fork (R24), exit (R25) and shutdown, through the public interface. Each case is a child process; its exit code tells:
 * 0, or the line of the first check that failed. */
#include "interface.h"

#include <sched.h>
#include <sys/wait.h>

/* ThreadSanitizer ends children that make threads. AddressSanitizer's allocator does not know of forks: a child waits
 * for ever for a lock that another thread had there. */
enum { NO_THREADS_AFTER_FORK = HR_SANITIZED };

#define CHECK(condition)                                                           \
  do {                                                                             \
    if (!(condition)) {                                                            \
      fprintf(stderr, "line %d: %s; %s\n", __LINE__, #condition, hr_last_error()); \
      _exit(1);                                                                    \
    }                                                                              \
  } while (0)

/* Behind the library's own handler: nothing is freed at exit (R25), which a search for leaks would not understand. */
static void leave(void) { _exit(0); }

/* Runs fn in a fork of this process, which has made no use of the library but for the error handler. */
static void in_child(void (*fn)(void)) {
  int status;
  pid_t pid = fork();
  assert_true(pid >= 0);
  if (pid == 0) {
    alarm(120);
    atexit(leave);
    fn();
    exit(0);
  }
  while (waitpid(pid, &status, 0) < 0) continue;
  assert_true(WIFEXITED(status));
  assert_int_equal(WEXITSTATUS(status), 0);
}

static void sub_child(void (*fn)(void)) {
  int status;
  if (NO_THREADS_AFTER_FORK) return;
  pid_t pid = fork();
  CHECK(pid >= 0);
  if (pid == 0) {
    alarm(60);
    fn();
    _exit(0);
  }
  while (waitpid(pid, &status, 0) < 0) continue;
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static _Atomic(int) called;
static void count(void *arg, hr_status status) {
  (void)status;
  atomic_fetch_add(&called, 1);
  if (arg) sem_post(arg);
}

/* --- fork --- */

static struct {
  mlx_stream busy, idle;
  hr_fence *pending, *done, *kept;
  hr_promise *promise;
  hr_future *future;
  hr_loop *loop;
} world;

static void after_fork(void) {
  bool flag;
  sem_t done;
  sem_init(&done, 0, 0);
  CHECK(hr_fence_wait(world.pending, -1) == HR_CLOSED);
  CHECK(hr_fence_wait(world.done, -1) == HR_OK);
  CHECK(hr_on_complete(NULL, world.pending, count, NULL, NULL) == HR_CLOSED);
  CHECK(hr_future_wait(world.future, -1) == HR_CLOSED);
  CHECK(hr_promise_keep(world.promise, NULL, NULL) == HR_CLOSED);
  CHECK(hr_future_cancel(&flag, world.future) == HR_OK && !flag);
  CHECK(hr_stream_wait(world.idle, world.pending) == HR_CLOSED);
  CHECK(hr_stream_call(NULL, sum_run, (void *)&one, NULL, none, NULL, 0, world.busy) == HR_CLOSED);
  CHECK(hr_loop_fd(world.loop) == -1);
  CHECK(hr_loop_dispatch(NULL, world.loop, 0) == HR_CLOSED);
  CHECK(hr_on_complete(NULL, world.done, count, NULL, hr_loop_executor(world.loop)) == HR_CLOSED);
  CHECK(called == 0); /* the parent's callbacks stay with it */
  /* everything new works: workers, callbacks, loops, and idle streams of old */
  CHECK(hr_stream_call(NULL, sum_run, (void *)&one, NULL, none, NULL, 0, world.idle) == HR_OK);
  CHECK(hr_synchronize(world.idle, -1) == HR_OK);
  hr_fence *f;
  CHECK(hr_fence_of_stream(&f, world.idle) == HR_OK);
  CHECK(hr_on_complete(NULL, f, count, &done, NULL) == HR_OK);
  CHECK(hr_on_complete(NULL, world.done, count, &done, NULL) == HR_OK); /* old, but reached */
  sem_take(&done);
  sem_take(&done);
  hr_fence_release(f);
  hr_fence_release(world.pending);
  hr_fence_release(world.done);
  hr_promise_release(world.promise);
  hr_future_release(world.future);
  hr_loop_release(world.loop);
  mlx_stream_free(world.busy);
  mlx_stream_free(world.idle);
}

static void fork_with_work(void) {
  gate g;
  sem_t done;
  sem_init(&done, 0, 0);
  gate_init(&g);
  world.busy = stream_new();
  world.idle = stream_new();
  CHECK(hr_stream_call(NULL, gate_run, &g, NULL, none, NULL, 0, world.busy) == HR_OK);
  sem_take(&g.entered);
  CHECK(hr_fence_of_stream(&world.pending, world.busy) == HR_OK);
  CHECK(hr_fence_of_stream(&world.done, world.idle) == HR_OK);
  CHECK(hr_promise_new(&world.promise, &world.future) == HR_OK);
  CHECK(hr_loop_new(&world.loop) == HR_OK);
  CHECK(hr_on_complete(NULL, world.pending, count, &done, NULL) == HR_OK);
  hr_fence *f;
  CHECK(hr_future_fence(&f, world.future) == HR_OK);
  CHECK(hr_on_complete(NULL, f, count, &done, NULL) == HR_OK);
  hr_fence_release(f);
  sub_child(after_fork);
  gate_open(&g);
  CHECK(hr_fence_wait(world.pending, -1) == HR_OK);
  CHECK(hr_promise_keep(world.promise, NULL, NULL) == HR_OK);
  sem_take(&done);
  sem_take(&done);
  CHECK(called == 2);
}

/* Forks while other threads complete, register and chain: no lock stays taken in the child. */
static _Atomic(bool) stop;
static void *churn(void *arg) {
  (void)arg;
  mlx_stream s = stream_new();
  while (!stop) {
    hr_fence *f;
    hr_promise *p;
    hr_future *a, *b;
    CHECK(hr_stream_call(NULL, sum_run, (void *)&one, NULL, none, NULL, 0, s) == HR_OK);
    CHECK(hr_fence_of_stream(&f, s) == HR_OK);
    CHECK(hr_on_complete(NULL, f, count, NULL, NULL) == HR_OK);
    CHECK(hr_promise_new(&p, &a) == HR_OK);
    CHECK(hr_fence_then(&b, f, NULL, NULL, NULL, NULL) == HR_INVALID);
    CHECK(hr_promise_keep(p, NULL, NULL) == HR_OK);
    CHECK(hr_fence_wait(f, -1) == HR_OK);
    hr_promise_release(p);
    hr_future_release(a);
    hr_fence_release(f);
  }
  mlx_stream_free(s);
  return NULL;
}

static void use_everything(void) {
  sem_t done;
  hr_fence *f;
  sem_init(&done, 0, 0);
  mlx_stream s = stream_new();
  CHECK(hr_stream_call(NULL, sum_run, (void *)&one, NULL, none, NULL, 0, s) == HR_OK);
  CHECK(hr_fence_of_stream(&f, s) == HR_OK);
  CHECK(hr_on_complete(NULL, f, count, &done, NULL) == HR_OK);
  sem_take(&done);
  CHECK(hr_synchronize(s, -1) == HR_OK);
  hr_fence_release(f);
  mlx_stream_free(s);
}

static void fork_in_the_middle(void) {
  pthread_t t[2];
  for (int i = 0; i < 2; i++) CHECK(pthread_create(&t[i], NULL, churn, NULL) == 0);
  for (int i = 0; i < (HR_SANITIZED ? 5 : 40); i++) sub_child(use_everything);
  stop = true;
  for (int i = 0; i < 2; i++) pthread_join(t[i], NULL);
}

/* --- exit --- */

static int spin_until_told(void *arg, const hr_call_view *in, size_t in_count, const hr_call_view *out,
                           size_t out_count) {
  (void)in, (void)in_count, (void)out, (void)out_count;
  while (!*(_Atomic(bool) *)arg) sched_yield();
  return 0;
}

static void tell(void) { stop = true; }

/* Queued work, a running task, pending callbacks, a stream that waits for ever: exit goes through. */
static void exit_with_work(void) {
  hr_promise *p;
  hr_future *f;
  hr_fence *fence;
  mlx_stream s = stream_new(), t = stream_new();
  atexit(tell); /* runs before the library's, which was installed before: the running task ends in its grace */
  CHECK(hr_stream_call(NULL, spin_until_told, &stop, NULL, none, NULL, 0, s) == HR_OK);
  CHECK(hr_fence_of_stream(&fence, s) == HR_OK);
  CHECK(hr_on_complete(NULL, fence, count, NULL, NULL) == HR_OK);
  CHECK(hr_promise_new(&p, &f) == HR_OK);
  hr_fence *never;
  CHECK(hr_future_fence(&never, f) == HR_OK);
  CHECK(hr_stream_wait(t, never) == HR_OK);
  for (int i = 0; i < 1000; i++) {
    CHECK(hr_stream_call(NULL, sum_run, (void *)&one, NULL, none, NULL, 0, s) == HR_OK);
    CHECK(hr_stream_call(NULL, sum_run, (void *)&one, NULL, none, NULL, 0, t) == HR_OK);
  }
}

static void exits(void *arg, hr_status status) {
  (void)arg, (void)status;
  exit(0);
}
static int task_exits(void *arg, const hr_call_view *in, size_t in_count, const hr_call_view *out, size_t out_count) {
  (void)arg, (void)in, (void)in_count, (void)out, (void)out_count;
  exit(0);
}

static void exit_in_callback(void) {
  mlx_stream s = stream_new();
  hr_fence *f;
  CHECK(hr_fence_of_stream(&f, s) == HR_OK);
  CHECK(hr_on_complete(NULL, f, exits, NULL, NULL) == HR_OK);
  for (;;) pause();
}
static void exit_in_task(void) {
  mlx_stream s = stream_new();
  CHECK(hr_stream_call(NULL, task_exits, NULL, NULL, none, NULL, 0, s) == HR_OK);
  for (;;) pause();
}

/* --- shutdown --- */

static void shutdown_with_work(void) {
  gate g;
  gate_init(&g);
  hr_promise *p;
  hr_future *f;
  hr_fence *never, *fence;
  mlx_stream s = stream_new(), t = stream_new(), fresh;
  mlx_vector_array res = mlx_vector_array_new();
  called = 0;
  CHECK(hr_stream_call(NULL, gate_run, &g, NULL, none, NULL, 0, s) == HR_OK);
  sem_take(&g.entered);
  CHECK(hr_stream_call(&res, sum_run, (void *)&one, NULL, none, &scalar, 1, s) == HR_OK);
  CHECK(hr_fence_of_arrays(&fence, res) == HR_OK);
  CHECK(hr_on_complete(NULL, fence, count, NULL, NULL) == HR_OK);
  CHECK(hr_promise_new(&p, &f) == HR_OK);
  CHECK(hr_future_fence(&never, f) == HR_OK);
  CHECK(hr_stream_wait(t, never) == HR_OK);
  CHECK(hr_shutdown(1000) == HR_TIMEOUT);
  gate_open(&g);
  CHECK(hr_fence_wait(fence, -1) == HR_CANCELLED);
  CHECK(hr_stream_call(NULL, sum_run, (void *)&one, NULL, none, NULL, 0, s) == HR_CLOSED);
  CHECK(hr_stream_wait(t, never) == HR_CLOSED);
  mlx_device cpu = mlx_device_new_type(MLX_CPU, 0);
  fresh = mlx_stream_new_device(cpu);
  CHECK(!fresh.ctx);
  mlx_device_free(cpu);
  CHECK(hr_shutdown(1000) == HR_TIMEOUT); /* a stream still waits for its promise */
  CHECK(hr_promise_keep(p, NULL, NULL) == HR_OK);
  CHECK(hr_shutdown(-1) == HR_OK);
  CHECK(hr_quiesce(-1) == HR_OK);
  while (!called) sched_yield();
  CHECK(hr_fence_status(fence) == HR_CANCELLED);
  mlx_vector_array_free(res);
}

/* --- hooks --- */

static _Atomic(long) blocks;
static _Atomic(int) logged, started;
static void *hook_alloc(void *user, size_t bytes) {
  atomic_fetch_add((_Atomic(long) *)user, 1);
  return malloc(bytes);
}
static void *hook_realloc(void *user, void *block, size_t bytes) {
  if (!block) atomic_fetch_add((_Atomic(long) *)user, 1);
  return realloc(block, bytes);
}
static void hook_free(void *user, void *block) {
  if (block) atomic_fetch_sub((_Atomic(long) *)user, 1);
  free(block);
}
static void log_line(void *user, hr_log_level level, const char *text) {
  if (level == HR_LOG_ERROR && strstr(text, user)) atomic_fetch_add(&logged, 1);
}
static void thread_started(void *user, const char *name) {
  char own[16];
  pthread_getname_np(pthread_self(), own, sizeof own);
  if (!user && strcmp(own, name) == 0) atomic_fetch_add(&started, 1);
}

static void hooks(void) {
  hr_allocator allocator = {hook_alloc, hook_realloc, hook_free, &blocks}, partly = {hook_alloc, NULL, NULL, NULL};
  CHECK(hr_set_allocator(&partly) == HR_INVALID);
  CHECK(hr_set_allocator(&allocator) == HR_OK);
  CHECK(hr_set_log(log_line, "ink is out") == HR_OK);
  CHECK(hr_on_thread_start(thread_started, NULL) == HR_OK);
  mlx_stream s = stream_new();
  hr_fence *f;
  sem_t done;
  sem_init(&done, 0, 0);
  CHECK(hr_stream_call(NULL, fail_run, "ink is out", NULL, none, NULL, 0, s) == HR_OK);
  CHECK(hr_fence_of_stream(&f, s) == HR_OK);
  CHECK(hr_on_complete(NULL, f, count, &done, NULL) == HR_OK);
  sem_take(&done);
  CHECK(logged == 1);
  CHECK(started >= 2);
  CHECK(blocks > 0);
  CHECK(hr_set_log(NULL, NULL) == HR_OK);
}

#define IN_CHILD(fn)                    \
  static void test_##fn(void **state) { \
    (void)state;                        \
    in_child(fn);                       \
  }
IN_CHILD(fork_with_work)
IN_CHILD(fork_in_the_middle)
IN_CHILD(exit_with_work)
IN_CHILD(exit_in_callback)
IN_CHILD(exit_in_task)
IN_CHILD(shutdown_with_work)
IN_CHILD(hooks)

int main(void) {
  begin_tests();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_fork_with_work), cmocka_unit_test(test_fork_in_the_middle),
      cmocka_unit_test(test_exit_with_work), cmocka_unit_test(test_exit_in_callback),
      cmocka_unit_test(test_exit_in_task),   cmocka_unit_test(test_shutdown_with_work),
      cmocka_unit_test(test_hooks),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
