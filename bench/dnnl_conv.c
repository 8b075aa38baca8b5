/* bench/dnnl_conv.c - convolutions by oneDNN; see dnnl_direct.h. */
#include "bench.h"
#include "dnnl_direct.h"

int bench_conv_length(const bench_conv *c, int length, int kernel) {
  if (c->transposed) return (length - 1) * c->stride + kernel - 2 * c->padding;
  return (length + 2 * c->padding - kernel) / c->stride + 1;
}

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
  X(engine_create) \
  X(stream_create) \
  X(stream_wait) \
  X(memory_desc_init_by_tag) \
  X(convolution_forward_desc_init) \
  X(deconvolution_forward_desc_init) \
  X(primitive_desc_create) \
  X(primitive_desc_query_md) \
  X(primitive_desc_destroy) \
  X(primitive_create) \
  X(primitive_destroy) \
  X(primitive_execute) \
  X(reorder_primitive_desc_create) \
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

typedef struct layouts {
  dnnl_memory_desc_t in, weight, any_weight, out;
} layouts;

static void describe(layouts *l, const functions *f, const bench_conv *c) {
  int g = c->groups;
  dnnl_dims_t in = {c->n, c->channels, c->height, c->width};
  dnnl_dims_t out = {c->n, c->outputs, bench_conv_length(c, c->height, c->kernel_h),
                     bench_conv_length(c, c->width, c->kernel_w)};
  dnnl_dims_t weight = {c->outputs, c->channels, c->kernel_h, c->kernel_w};
  dnnl_dims_t grouped = {g, c->outputs / g, c->channels / g, c->kernel_h, c->kernel_w};
  int ndim = g > 1 ? 5 : 4;
  bench_check(f->memory_desc_init_by_tag(&l->in, 4, in, dnnl_f32, dnnl_nhwc), "dnnl: input");
  bench_check(f->memory_desc_init_by_tag(&l->out, 4, out, dnnl_f32, dnnl_nhwc), "dnnl: output");
  bench_check(
      f->memory_desc_init_by_tag(&l->weight, ndim, g > 1 ? grouped : weight, dnnl_f32, g > 1 ? dnnl_abdec : dnnl_acdb),
      "dnnl: weight");
  bench_check(f->memory_desc_init_by_tag(&l->any_weight, ndim, g > 1 ? grouped : weight, dnnl_f32, dnnl_format_tag_any),
              "dnnl: weight");
}

static dnnl_primitive_desc_t choose(const functions *f, const bench_conv *c, const layouts *l) {
  dnnl_dims_t strides = {c->stride, c->stride}, padding = {c->padding, c->padding};
  dnnl_convolution_desc_t conv;
  dnnl_deconvolution_desc_t deconv;
  dnnl_primitive_desc_t chosen;
  if (c->transposed)
    bench_check(f->deconvolution_forward_desc_init(&deconv, dnnl_forward_inference, dnnl_deconvolution_direct, &l->in,
                                                   &l->any_weight, NULL, &l->out, strides, padding, padding),
                "dnnl: deconvolution");
  else
    bench_check(f->convolution_forward_desc_init(&conv, dnnl_forward_inference, dnnl_convolution_direct, &l->in,
                                                 &l->any_weight, NULL, &l->out, strides, padding, padding),
                "dnnl: convolution");
  bench_check(f->primitive_desc_create(&chosen, c->transposed ? (void *)&deconv : (void *)&conv, NULL, f->engine, NULL),
              "dnnl_primitive_desc_create");
  return chosen;
}

static dnnl_memory_t memory_of(const functions *f, const dnnl_memory_desc_t *layout, const float *data) {
  dnnl_memory_t memory;
  void *handle = data == NULL ? DNNL_MEMORY_ALLOCATE : (void *)(uintptr_t)data;
  bench_check(f->memory_create(&memory, layout, f->engine, handle), "dnnl_memory_create");
  return memory;
}

static void reorder(const functions *f, const dnnl_memory_desc_t *from_layout, dnnl_memory_t from,
                    const dnnl_memory_desc_t *to_layout, dnnl_memory_t to) {
  dnnl_primitive_desc_t desc;
  dnnl_primitive_t primitive;
  dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}};
  bench_check(f->reorder_primitive_desc_create(&desc, from_layout, f->engine, to_layout, f->engine, NULL),
              "dnnl: reorder");
  bench_check(f->primitive_create(&primitive, desc), "dnnl: reorder");
  bench_check(f->primitive_execute(primitive, f->stream, 2, args), "dnnl: reorder");
  bench_check(f->stream_wait(f->stream), "dnnl: reorder");
  f->primitive_destroy(primitive);
  f->primitive_desc_destroy(desc);
}

double bench_dnnl_conv_seconds(float *out, const float *in, const float *weight, const bench_conv *c, int rounds) {
  const functions *f = load();
  layouts l;
  dnnl_primitive_t primitive;
  int64_t start = 0;
  if (f == NULL) return 0;
  describe(&l, f, c);
  dnnl_primitive_desc_t chosen = choose(f, c, &l);
  bench_check(f->primitive_create(&primitive, chosen), "dnnl_primitive_create");
  const dnnl_memory_desc_t *liked = f->primitive_desc_query_md(chosen, dnnl_query_weights_md, 0);
  dnnl_memory_t given = memory_of(f, &l.weight, weight);
  dnnl_exec_arg_t args[] = {{DNNL_ARG_SRC, memory_of(f, &l.in, in)},
                            {DNNL_ARG_WEIGHTS, memory_of(f, liked, NULL)},
                            {DNNL_ARG_DST, memory_of(f, &l.out, out)}};
  reorder(f, &l.weight, given, liked, args[1].memory);
  for (int i = -1; i < rounds; i++) {
    if (i == 0) start = bench_now_ns();
    bench_check(f->primitive_execute(primitive, f->stream, 3, args), "dnnl_primitive_execute");
    bench_check(f->stream_wait(f->stream), "dnnl_stream_wait");
  }
  double seconds = bench_since_ns(start) * 1e-9 / rounds;
  for (int i = 0; i < 3; i++) f->memory_destroy(args[i].memory);
  f->memory_destroy(given);
  f->primitive_destroy(primitive);
  f->primitive_desc_destroy(chosen);
  return seconds;
}
#else
double bench_dnnl_conv_seconds(float *out, const float *in, const float *weight, const bench_conv *c, int rounds) {
  return (void)out, (void)in, (void)weight, (void)c, (void)rounds, 0;
}
#endif
