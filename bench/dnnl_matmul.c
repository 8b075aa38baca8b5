/* bench/dnnl_matmul.c - matrix products by oneDNN; see dnnl_direct.h. */
#include "bench.h"
#include "dnnl_direct.h"

#if defined(__has_include)
#if __has_include(<dnnl.h>)
#include <dnnl.h>
#define HAVE_DNNL (DNNL_VERSION_MAJOR == 2)
#endif
#endif

#if defined(HAVE_DNNL) && HAVE_DNNL
#include <dlfcn.h>
#include <string.h>

/* The functions that are used, from the library. */
/* clang-format off */
#define EACH_FUNCTION(X) \
  X(sgemm) \
  X(engine_create) \
  X(stream_create) \
  X(stream_wait) \
  X(memory_desc_init_by_strides) \
  X(matmul_desc_init) \
  X(primitive_desc_create) \
  X(primitive_desc_destroy) \
  X(primitive_create) \
  X(primitive_destroy) \
  X(primitive_execute) \
  X(memory_create) \
  X(memory_destroy)
/* clang-format on */

typedef struct functions {
#define DECLARE(name) __typeof__(dnnl_##name) *name;
  EACH_FUNCTION(DECLARE)
  dnnl_engine_t engine;
  dnnl_stream_t stream;
} functions;

static const functions *load(void) {
  static functions f;
  static bool looked;
  void *library = bench_dnnl_library(), *symbol;
  if (library == NULL) return NULL;
#define FIND(name)                        \
  symbol = dlsym(library, "dnnl_" #name); \
  if (symbol == NULL) return NULL;        \
  memcpy(&f.name, &symbol, sizeof symbol);
  EACH_FUNCTION(FIND)
  if (!looked) {
    bench_check(f.engine_create(&f.engine, dnnl_cpu, 0), "dnnl_engine_create");
    bench_check(f.stream_create(&f.stream, f.engine, 0), "dnnl_stream_create");
  }
  looked = true;
  return &f;
}

/* A product to be run again and again: by a primitive, or by dnnl_sgemm() where that is NULL. */
typedef struct call {
  const functions *f;
  const bench_product *p;
  dnnl_primitive_t primitive;
  dnnl_exec_arg_t args[3];
} call;

static double seconds_of(const call *c) {
  int64_t start = bench_now_ns(), m = c->p->m, n = c->p->n, k = c->p->k;
  const float *a = c->p->a, *b = c->p->b;
  int rounds = 0;
  for (; rounds < 2 || bench_since_ns(start) < BENCH_PRODUCT_NS; rounds++) {
    if (rounds == 1) start = bench_now_ns(); /* the first one warms up */
    if (c->primitive != NULL) {
      bench_check(c->f->primitive_execute(c->primitive, c->f->stream, 3, c->args), "dnnl_primitive_execute");
      bench_check(c->f->stream_wait(c->f->stream), "dnnl_stream_wait");
    } else {
      bench_check(c->f->sgemm(c->p->a_turned ? 'T' : 'N', c->p->b_turned ? 'T' : 'N', m, n, k, 1, a,
                              c->p->a_turned ? m : k, b, c->p->b_turned ? k : n, 0, c->p->out, n),
                  "dnnl_sgemm");
    }
  }
  return bench_since_ns(start) * 1e-9 / (rounds - 1);
}

static void describe(dnnl_memory_desc_t *out, const call *c, int rows, int columns, bool turned) {
  dnnl_dims_t lengths = {c->p->batch, rows, columns};
  dnnl_dims_t strides = {(int64_t)rows * columns, turned ? 1 : columns, turned ? rows : 1};
  int skipped = c->p->batch == 1;
  dnnl_data_type_t type = c->p->dtype == MLX_FLOAT32 ? dnnl_f32 : c->p->dtype == MLX_BFLOAT16 ? dnnl_bf16 : dnnl_f16;
  bench_check(c->f->memory_desc_init_by_strides(out, 3 - skipped, lengths + skipped, type, strides + skipped),
              "dnnl_memory_desc_init_by_strides");
}

/* Seconds; 0 where the library has no such product. */
static double by_primitive(call *c) {
  const bench_product *p = c->p;
  const functions *f = c->f;
  dnnl_memory_desc_t layouts[3];
  void *data[] = {(void *)(uintptr_t)p->a, (void *)(uintptr_t)p->b, p->out};
  static const int names[] = {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST};
  dnnl_matmul_desc_t desc;
  dnnl_primitive_desc_t chosen;
  describe(&layouts[0], c, p->m, p->k, p->a_turned);
  describe(&layouts[1], c, p->k, p->n, p->b_turned);
  describe(&layouts[2], c, p->m, p->n, false);
  bench_check(f->matmul_desc_init(&desc, &layouts[0], &layouts[1], NULL, &layouts[2]), "dnnl_matmul_desc_init");
  if (f->primitive_desc_create(&chosen, &desc, NULL, f->engine, NULL) != dnnl_success) return 0;
  bench_check(f->primitive_create(&c->primitive, chosen), "dnnl_primitive_create");
  for (int i = 0; i < 3; i++) {
    c->args[i].arg = names[i];
    bench_check(f->memory_create(&c->args[i].memory, &layouts[i], f->engine, data[i]), "dnnl_memory_create");
  }
  double seconds = seconds_of(c);
  for (int i = 0; i < 3; i++) f->memory_destroy(c->args[i].memory);
  f->primitive_destroy(c->primitive);
  f->primitive_desc_destroy(chosen);
  c->primitive = NULL;
  return seconds;
}

double bench_dnnl_product_seconds(const bench_product *p) {
  call c = {.f = load(), .p = p};
  if (c.f == NULL) return 0;
  double seconds = by_primitive(&c);
  if (p->batch > 1 || p->dtype != MLX_FLOAT32) return seconds;
  double simple = seconds_of(&c);
  return seconds == 0 || simple < seconds ? simple : seconds;
}
#else
double bench_dnnl_product_seconds(const bench_product *p) { return (void)p, 0; }
#endif
