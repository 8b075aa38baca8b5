/* bench/dnnl_conv.c - convolutions by oneDNN; see dnnl_direct.h. */
#include "bench.h"
#include "dnnl_direct.h"

int bench_conv_length(const bench_conv *c, int axis) {
  if (c->transposed) return (c->size[axis] - 1) * c->stride + c->kernel[axis] - 2 * c->padding;
  return (c->size[axis] + 2 * c->padding - c->kernel[axis]) / c->stride + 1;
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
  X(memory_desc_equal) \
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

/* As they are given. */
typedef struct layouts {
  dnnl_memory_desc_t in, weight, out;
} layouts;

static void describe(layouts *l, const functions *f, const bench_conv *c) {
  static const dnnl_format_tag_t images[] = {dnnl_a, dnnl_nwc, dnnl_nhwc, dnnl_ndhwc},
                                 weights[] = {dnnl_a, dnnl_acb, dnnl_acdb, dnnl_acdeb},
                                 grouped[] = {dnnl_a, dnnl_abdc, dnnl_abdec, dnnl_abdefc};
  dnnl_data_type_t type = c->half ? dnnl_bf16 : dnnl_f32;
  int g = c->groups;
  dnnl_dims_t in = {c->n, c->channels}, out = {c->n, c->outputs}, weight = {c->outputs, c->channels};
  dnnl_dims_t group = {g, c->outputs / g, c->channels / g};
  for (int i = 0; i < c->axes; i++) {
    in[2 + i] = c->size[i], out[2 + i] = bench_conv_length(c, i);
    weight[2 + i] = group[3 + i] = c->kernel[i];
  }
  bench_check(f->memory_desc_init_by_tag(&l->in, 2 + c->axes, in, type, images[c->axes]), "dnnl: input");
  bench_check(f->memory_desc_init_by_tag(&l->out, 2 + c->axes, out, type, images[c->axes]), "dnnl: output");
  bench_check(f->memory_desc_init_by_tag(&l->weight, (g > 1 ? 3 : 2) + c->axes, g > 1 ? group : weight, type,
                                         (g > 1 ? grouped : weights)[c->axes]),
              "dnnl: weight");
}

static dnnl_memory_desc_t any(const functions *f, const dnnl_memory_desc_t *layout) {
  dnnl_memory_desc_t free;
  bench_check(f->memory_desc_init_by_tag(&free, layout->ndims, layout->dims, layout->data_type, dnnl_format_tag_any),
              "dnnl: layout");
  return free;
}

/* own: images in any layout, else as given. */
static dnnl_primitive_desc_t choose(const functions *f, const bench_conv *c, const layouts *l, bool own) {
  dnnl_dims_t strides = {c->stride, c->stride, c->stride}, padding = {c->padding, c->padding, c->padding};
  dnnl_memory_desc_t in = own ? any(f, &l->in) : l->in, out = own ? any(f, &l->out) : l->out, w = any(f, &l->weight);
  dnnl_convolution_desc_t conv;
  dnnl_deconvolution_desc_t deconv;
  dnnl_primitive_desc_t chosen;
  if (c->transposed)
    bench_check(f->deconvolution_forward_desc_init(&deconv, dnnl_forward_inference, dnnl_deconvolution_direct, &in, &w,
                                                   NULL, &out, strides, padding, padding),
                "dnnl: deconvolution");
  else
    bench_check(f->convolution_forward_desc_init(&conv, dnnl_forward_inference, dnnl_convolution_direct, &in, &w, NULL,
                                                 &out, strides, padding, padding),
                "dnnl: convolution");
  bench_check(f->primitive_desc_create(&chosen, c->transposed ? (void *)&deconv : (void *)&conv, NULL, f->engine, NULL),
              "dnnl_primitive_desc_create");
  return chosen;
}

/* From one layout to another, or nothing where they are the same. */
typedef struct reorder {
  dnnl_memory_t from, to;
  dnnl_primitive_t primitive;
} reorder;

static dnnl_memory_t memory_of(const functions *f, const dnnl_memory_desc_t *layout, const void *data) {
  dnnl_memory_t memory;
  void *handle = data == NULL ? DNNL_MEMORY_ALLOCATE : (void *)(uintptr_t)data;
  bench_check(f->memory_create(&memory, layout, f->engine, handle), "dnnl_memory_create");
  return memory;
}

static reorder reorder_new(const functions *f, const dnnl_memory_desc_t *from, const void *from_data,
                           const dnnl_memory_desc_t *to, const void *to_data) {
  dnnl_primitive_desc_t desc;
  reorder r = {.primitive = NULL};
  if (f->memory_desc_equal(from, to)) {
    r.from = r.to = memory_of(f, from, from_data ? from_data : to_data);
    return r;
  }
  r.from = memory_of(f, from, from_data), r.to = memory_of(f, to, to_data);
  bench_check(f->reorder_primitive_desc_create(&desc, from, f->engine, to, f->engine, NULL), "dnnl: reorder");
  bench_check(f->primitive_create(&r.primitive, desc), "dnnl: reorder");
  f->primitive_desc_destroy(desc);
  return r;
}

static void reorder_run(const functions *f, const reorder *r) {
  dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, r->from}, {DNNL_ARG_TO, r->to}};
  if (r->primitive == NULL) return;
  bench_check(f->primitive_execute(r->primitive, f->stream, 2, args), "dnnl: reorder");
  bench_check(f->stream_wait(f->stream), "dnnl: reorder");
}

static void reorder_free(const functions *f, const reorder *r) {
  if (r->primitive != NULL) f->memory_destroy(r->to), f->primitive_destroy(r->primitive);
  f->memory_destroy(r->from);
}

typedef struct convolution {
  reorder in, weight, out;
  dnnl_primitive_t primitive;
} convolution;

static double mean(const functions *f, const convolution *v, bool reorders, int rounds) {
  dnnl_exec_arg_t args[] = {{DNNL_ARG_SRC, v->in.to}, {DNNL_ARG_WEIGHTS, v->weight.to}, {DNNL_ARG_DST, v->out.from}};
  int64_t start = 0;
  for (int i = -1; i < rounds; i++) {
    if (i == 0) start = bench_now_ns();
    if (reorders) reorder_run(f, &v->in);
    bench_check(f->primitive_execute(v->primitive, f->stream, 3, args), "dnnl_primitive_execute");
    bench_check(f->stream_wait(f->stream), "dnnl_stream_wait");
    if (reorders) reorder_run(f, &v->out);
  }
  return bench_since_ns(start) * 1e-9 / rounds;
}

bool bench_dnnl_conv_time(bench_dnnl_conv *seconds, void *out, const void *in, const void *weight, const bench_conv *c,
                          int rounds) {
  const functions *f = load();
  layouts l;
  if (f == NULL) return false;
  describe(&l, f, c);
  for (int own = 0; own < 2; own++) {
    dnnl_primitive_desc_t chosen = choose(f, c, &l, own);
    convolution v;
    bench_check(f->primitive_create(&v.primitive, chosen), "dnnl_primitive_create");
    v.in = reorder_new(f, &l.in, in, f->primitive_desc_query_md(chosen, dnnl_query_src_md, 0), NULL);
    v.weight = reorder_new(f, &l.weight, weight, f->primitive_desc_query_md(chosen, dnnl_query_weights_md, 0), NULL);
    v.out = reorder_new(f, f->primitive_desc_query_md(chosen, dnnl_query_dst_md, 0), NULL, &l.out, out);
    reorder_run(f, &v.in), reorder_run(f, &v.weight);
    bool differs = v.in.primitive != NULL || v.out.primitive != NULL;
    if (!own)
      seconds->given = mean(f, &v, false, rounds);
    else
      seconds->reordered = differs ? mean(f, &v, true, rounds) : 0,
      seconds->own = differs ? mean(f, &v, false, rounds) : 0;
    reorder_free(f, &v.in), reorder_free(f, &v.weight), reorder_free(f, &v.out);
    f->primitive_destroy(v.primitive);
    f->primitive_desc_destroy(chosen);
  }
  bench_dnnl_rest();
  return true;
}
#else
bool bench_dnnl_conv_time(bench_dnnl_conv *seconds, void *out, const void *in, const void *weight, const bench_conv *c,
                          int rounds) {
  return (void)seconds, (void)out, (void)in, (void)weight, (void)c, (void)rounds, false;
}
#endif
