/* What the six kinds of closures have in common, and the plain kind. */
#include "capi/closure.h"

#include "base/memory.h"
#include "capi/closure_internal.h"
#include "capi/handle.h"

hr_closure *hr_closure_retain(hr_closure *closure) {
  hr_add_relaxed(&closure->refs, 1u);
  return closure;
}

void hr_closure_release(hr_closure *closure) {
  if (!closure || hr_sub_acq_rel(&closure->refs, 1u) != 1) return;
  if (closure->dtor) closure->dtor(closure->payload);
  hr_slab_free(closure, sizeof *closure);
}

hr_status hr_take_closure(hr_closure **out, const void *ctx, const char *name) {
  *out = ctx ? ((const hr_closure_box *)ctx)->closure : NULL;
  return *out ? HR_OK : hr_refuse_empty(name);
}

hr_status hr_give_closure(void **ctx, hr_closure *closure) {
  hr_closure_box *box = *ctx;
  if (!box) {
    box = hr_slab_alloc(sizeof *box);
    if (!box) {
      hr_closure_release(closure);
      return hr_fail(HR_OUT_OF_MEMORY, "no memory for a closure");
    }
    box->closure = NULL;
    *ctx = box;
  }
  hr_closure *old = box->closure;
  box->closure = closure;
  hr_closure_release(old);
  return HR_OK;
}

void *hr_closure_box_new(const char *call, hr_any_function function, bool unary) {
  return hr_closure_box_make(call, (hr_closure){.function = function, .unary = unary});
}

void *hr_closure_box_make(const char *call, hr_closure content) {
  void *ctx = NULL;
  hr_closure *closure = NULL;
  hr_status status = HR_OK;
  void (*dtor)(void *) = content.dtor;
  content.dtor = NULL; /* until nothing can fail any more: the caller keeps the payload of a failed call */
  if (!content.function) HR_TRY(hr_refuse_null("fun"));
  closure = hr_slab_alloc(sizeof *closure);
  if (!closure) HR_TRY(hr_fail(HR_OUT_OF_MEMORY, "no memory for a closure"));
  *closure = content;
  atomic_init(&closure->refs, 1u);
  HR_TRY(hr_give_closure(&ctx, closure));
  closure->dtor = dtor;
done:
  (void)hr_capi_result(call, status);
  return ctx;
}

void *hr_closure_box_empty(const char *call) {
  void *ctx = NULL;
  (void)hr_capi_result(call, hr_give_closure(&ctx, NULL));
  return ctx;
}

int hr_closure_box_free(void *ctx) {
  hr_closure_box *box = ctx;
  if (box) {
    hr_closure_release(box->closure);
    hr_slab_free(box, sizeof *box);
  }
  return 0;
}

int hr_closure_box_set(const char *call, void **ctx, const void *source_ctx) {
  const hr_closure_box *source = source_ctx;
  hr_closure *closure = source ? source->closure : NULL;
  hr_status status = ctx ? hr_give_closure(ctx, closure ? hr_closure_retain(closure) : NULL) : hr_refuse_null("cls");
  return hr_capi_result(call, status);
}

hr_status hr_closure_hold(hr_closure **out, const void *ctx) {
  hr_status status = hr_take_closure(out, ctx, "cls");
  if (status == HR_OK) hr_closure_retain(*out);
  return status;
}

hr_status hr_closure_answer(int answer) {
  return answer == 0 ? HR_OK : hr_fail(HR_FAILED, "the function of the closure failed, answering %d", answer);
}

hr_status hr_closure_empty_result(void) {
  return hr_fail(HR_INVALID, "the function of the closure left its result empty");
}

hr_status hr_closure_move_arrays(mlx_vector_array *to, mlx_vector_array from) {
  hr_vector *source = from.ctx;
  if (!source) return hr_closure_empty_result();
  hr_array_list list = {.items = source->items, .count = source->count};
  *source = (hr_vector){0};
  return hr_give_list(to, &list);
}

/* --- mlx_closure --- */

typedef int (*plain_function)(mlx_vector_array *, const mlx_vector_array);
typedef int (*plain_payload_function)(mlx_vector_array *, const mlx_vector_array, void *);
typedef int (*unary_function)(mlx_array *, const mlx_array);

mlx_closure mlx_closure_new(void) { return (mlx_closure){hr_closure_box_empty("mlx_closure_new")}; }
int mlx_closure_free(mlx_closure cls) { return hr_closure_box_free(cls.ctx); }

mlx_closure mlx_closure_new_func(int (*fun)(mlx_vector_array *, const mlx_vector_array)) {
  return (mlx_closure){hr_closure_box_new("mlx_closure_new_func", (hr_any_function)fun, false)};
}

mlx_closure mlx_closure_new_func_payload(int (*fun)(mlx_vector_array *, const mlx_vector_array, void *), void *payload,
                                         void (*dtor)(void *)) {
  hr_closure content = {.function = (hr_any_function)fun, .with_payload = true, .payload = payload, .dtor = dtor};
  return (mlx_closure){hr_closure_box_make("mlx_closure_new_func_payload", content)};
}

mlx_closure mlx_closure_new_unary(int (*fun)(mlx_array *, const mlx_array)) {
  return (mlx_closure){hr_closure_box_new("mlx_closure_new_unary", (hr_any_function)fun, true)};
}

int mlx_closure_set(mlx_closure *cls, const mlx_closure src) {
  return hr_closure_box_set("mlx_closure_set", cls ? &cls->ctx : NULL, src.ctx);
}

static hr_status call_unary(mlx_vector_array *out, const hr_closure *closure, const mlx_vector_array input) {
  const hr_vector *arrays = input.ctx;
  mlx_array x = {0}, y = {0};
  hr_array_list result = {0};
  hr_status status = HR_OK;
  if (arrays->count != 1) HR_TRY(hr_fail(HR_INVALID, "a closure of one array was applied to %zu", arrays->count));
  HR_TRY(hr_give_array(&x, hr_array_retain(*(hr_array **)arrays->items)));
  HR_TRY(hr_closure_answer(((unary_function)closure->function)(&y, x)));
  if (!hr_array_of(y)) HR_TRY(hr_closure_empty_result());
  result.items = hr_alloc(sizeof(hr_array *));
  if (!result.items) HR_TRY(hr_fail(HR_OUT_OF_MEMORY, "no memory for the result of a closure"));
  result.items[0] = hr_array_retain(hr_array_of(y));
  result.count = 1;
  HR_TRY(hr_give_list(out, &result));
done:
  mlx_array_free(x);
  mlx_array_free(y);
  return status;
}

static hr_status call_plain(mlx_vector_array *out, const hr_closure *closure, const mlx_vector_array input) {
  if (closure->unary) return call_unary(out, closure, input);
  if (closure->with_payload)
    return hr_closure_answer(((plain_payload_function)closure->function)(out, input, closure->payload));
  return hr_closure_answer(((plain_function)closure->function)(out, input));
}

int mlx_closure_apply(mlx_vector_array *res, mlx_closure cls, const mlx_vector_array input) {
  mlx_vector_array out = {0};
  hr_closure *closure = NULL;
  hr_status status;
  HR_TRY(hr_need_pointer(res, "res"));
  HR_TRY(hr_need_handle(input.ctx, "input"));
  HR_TRY(hr_closure_hold(&closure, cls.ctx));
  HR_TRY(call_plain(&out, closure, input));
  HR_TRY(hr_closure_move_arrays(res, out));
done:
  hr_closure_release(closure);
  mlx_vector_array_free(out);
  return hr_capi_result("mlx_closure_apply", status);
}
