/* Closures of the other kinds: functions with named arguments or of values and gradients, and the rules of custom
 * functions. */
#include "capi/closure_internal.h"
#include "capi/handle.h"

/* --- mlx_closure_kwargs --- */

typedef int (*kwargs_function)(mlx_vector_array *, const mlx_vector_array, const mlx_map_string_to_array);
typedef int (*kwargs_payload_function)(mlx_vector_array *, const mlx_vector_array, const mlx_map_string_to_array,
                                       void *);

mlx_closure_kwargs mlx_closure_kwargs_new(void) {
  return (mlx_closure_kwargs){hr_closure_box_empty("mlx_closure_kwargs_new")};
}
int mlx_closure_kwargs_free(mlx_closure_kwargs cls) { return hr_closure_box_free(cls.ctx); }

mlx_closure_kwargs mlx_closure_kwargs_new_func(int (*fun)(mlx_vector_array *, const mlx_vector_array,
                                                          const mlx_map_string_to_array)) {
  return (mlx_closure_kwargs){hr_closure_box_new("mlx_closure_kwargs_new_func", (hr_any_function)fun, false)};
}

mlx_closure_kwargs mlx_closure_kwargs_new_func_payload(int (*fun)(mlx_vector_array *, const mlx_vector_array,
                                                                  const mlx_map_string_to_array, void *),
                                                       void *payload, void (*dtor)(void *)) {
  hr_closure content = {.function = (hr_any_function)fun, .with_payload = true, .payload = payload, .dtor = dtor};
  return (mlx_closure_kwargs){hr_closure_box_make("mlx_closure_kwargs_new_func_payload", content)};
}

int mlx_closure_kwargs_set(mlx_closure_kwargs *cls, const mlx_closure_kwargs src) {
  return hr_closure_box_set("mlx_closure_kwargs_set", cls ? &cls->ctx : NULL, src.ctx);
}

int mlx_closure_kwargs_apply(mlx_vector_array *res, mlx_closure_kwargs cls, const mlx_vector_array input_0,
                             const mlx_map_string_to_array input_1) {
  mlx_vector_array out = {0};
  hr_closure *closure = NULL;
  hr_status status;
  HR_TRY(hr_need_pointer(res, "res"));
  HR_TRY(hr_need_handle(input_0.ctx, "input_0"));
  HR_TRY(hr_need_handle(input_1.ctx, "input_1"));
  HR_TRY(hr_closure_hold(&closure, cls.ctx));
  HR_TRY(hr_closure_answer(closure->with_payload
                               ? ((kwargs_payload_function)closure->function)(&out, input_0, input_1, closure->payload)
                               : ((kwargs_function)closure->function)(&out, input_0, input_1)));
  HR_TRY(hr_closure_move_arrays(res, out));
done:
  hr_closure_release(closure);
  mlx_vector_array_free(out);
  return hr_capi_result("mlx_closure_kwargs_apply", status);
}

/* --- mlx_closure_value_and_grad --- */

typedef int (*value_and_grad_function)(mlx_vector_array *, mlx_vector_array *, const mlx_vector_array);
typedef int (*value_and_grad_payload_function)(mlx_vector_array *, mlx_vector_array *, const mlx_vector_array, void *);

mlx_closure_value_and_grad mlx_closure_value_and_grad_new(void) {
  return (mlx_closure_value_and_grad){hr_closure_box_empty("mlx_closure_value_and_grad_new")};
}
int mlx_closure_value_and_grad_free(mlx_closure_value_and_grad cls) { return hr_closure_box_free(cls.ctx); }

mlx_closure_value_and_grad mlx_closure_value_and_grad_new_func(int (*fun)(mlx_vector_array *, mlx_vector_array *,
                                                                          const mlx_vector_array)) {
  return (mlx_closure_value_and_grad){
      hr_closure_box_new("mlx_closure_value_and_grad_new_func", (hr_any_function)fun, false)};
}

mlx_closure_value_and_grad mlx_closure_value_and_grad_new_func_payload(int (*fun)(mlx_vector_array *,
                                                                                  mlx_vector_array *,
                                                                                  const mlx_vector_array, void *),
                                                                       void *payload, void (*dtor)(void *)) {
  hr_closure content = {.function = (hr_any_function)fun, .with_payload = true, .payload = payload, .dtor = dtor};
  return (mlx_closure_value_and_grad){hr_closure_box_make("mlx_closure_value_and_grad_new_func_payload", content)};
}

int mlx_closure_value_and_grad_set(mlx_closure_value_and_grad *cls, const mlx_closure_value_and_grad src) {
  return hr_closure_box_set("mlx_closure_value_and_grad_set", cls ? &cls->ctx : NULL, src.ctx);
}

int mlx_closure_value_and_grad_apply(mlx_vector_array *res_0, mlx_vector_array *res_1, mlx_closure_value_and_grad cls,
                                     const mlx_vector_array input) {
  mlx_vector_array out_0 = {0};
  mlx_vector_array out_1 = {0};
  hr_closure *closure = NULL;
  hr_status status;
  HR_TRY(hr_need_pointer(res_0, "res_0"));
  HR_TRY(hr_need_pointer(res_1, "res_1"));
  HR_TRY(hr_need_handle(input.ctx, "input"));
  HR_TRY(hr_closure_hold(&closure, cls.ctx));
  HR_TRY(hr_closure_answer(
      closure->with_payload
          ? ((value_and_grad_payload_function)closure->function)(&out_0, &out_1, input, closure->payload)
          : ((value_and_grad_function)closure->function)(&out_0, &out_1, input)));
  HR_TRY(out_1.ctx ? HR_OK : hr_closure_empty_result());
  HR_TRY(hr_closure_move_arrays(res_0, out_0));
  HR_TRY(hr_closure_move_arrays(res_1, out_1));
done:
  hr_closure_release(closure);
  mlx_vector_array_free(out_0);
  mlx_vector_array_free(out_1);
  return hr_capi_result("mlx_closure_value_and_grad_apply", status);
}

/* --- mlx_closure_custom --- */

typedef int (*custom_function)(mlx_vector_array *, const mlx_vector_array, const mlx_vector_array,
                               const mlx_vector_array);
typedef int (*custom_payload_function)(mlx_vector_array *, const mlx_vector_array, const mlx_vector_array,
                                       const mlx_vector_array, void *);

mlx_closure_custom mlx_closure_custom_new(void) {
  return (mlx_closure_custom){hr_closure_box_empty("mlx_closure_custom_new")};
}
int mlx_closure_custom_free(mlx_closure_custom cls) { return hr_closure_box_free(cls.ctx); }

mlx_closure_custom mlx_closure_custom_new_func(int (*fun)(mlx_vector_array *, const mlx_vector_array,
                                                          const mlx_vector_array, const mlx_vector_array)) {
  return (mlx_closure_custom){hr_closure_box_new("mlx_closure_custom_new_func", (hr_any_function)fun, false)};
}

mlx_closure_custom mlx_closure_custom_new_func_payload(int (*fun)(mlx_vector_array *, const mlx_vector_array,
                                                                  const mlx_vector_array, const mlx_vector_array,
                                                                  void *),
                                                       void *payload, void (*dtor)(void *)) {
  hr_closure content = {.function = (hr_any_function)fun, .with_payload = true, .payload = payload, .dtor = dtor};
  return (mlx_closure_custom){hr_closure_box_make("mlx_closure_custom_new_func_payload", content)};
}

int mlx_closure_custom_set(mlx_closure_custom *cls, const mlx_closure_custom src) {
  return hr_closure_box_set("mlx_closure_custom_set", cls ? &cls->ctx : NULL, src.ctx);
}

int mlx_closure_custom_apply(mlx_vector_array *res, mlx_closure_custom cls, const mlx_vector_array input_0,
                             const mlx_vector_array input_1, const mlx_vector_array input_2) {
  mlx_vector_array out = {0};
  hr_closure *closure = NULL;
  hr_status status;
  HR_TRY(hr_need_pointer(res, "res"));
  HR_TRY(hr_need_handle(input_0.ctx, "input_0"));
  HR_TRY(hr_need_handle(input_1.ctx, "input_1"));
  HR_TRY(hr_need_handle(input_2.ctx, "input_2"));
  HR_TRY(hr_closure_hold(&closure, cls.ctx));
  HR_TRY(hr_closure_answer(
      closure->with_payload
          ? ((custom_payload_function)closure->function)(&out, input_0, input_1, input_2, closure->payload)
          : ((custom_function)closure->function)(&out, input_0, input_1, input_2)));
  HR_TRY(hr_closure_move_arrays(res, out));
done:
  hr_closure_release(closure);
  mlx_vector_array_free(out);
  return hr_capi_result("mlx_closure_custom_apply", status);
}

/* --- mlx_closure_custom_jvp --- */

typedef int (*custom_jvp_function)(mlx_vector_array *, const mlx_vector_array, const mlx_vector_array, const int *,
                                   size_t);
typedef int (*custom_jvp_payload_function)(mlx_vector_array *, const mlx_vector_array, const mlx_vector_array,
                                           const int *, size_t, void *);

mlx_closure_custom_jvp mlx_closure_custom_jvp_new(void) {
  return (mlx_closure_custom_jvp){hr_closure_box_empty("mlx_closure_custom_jvp_new")};
}
int mlx_closure_custom_jvp_free(mlx_closure_custom_jvp cls) { return hr_closure_box_free(cls.ctx); }

mlx_closure_custom_jvp mlx_closure_custom_jvp_new_func(int (*fun)(mlx_vector_array *, const mlx_vector_array,
                                                                  const mlx_vector_array, const int *, size_t)) {
  return (mlx_closure_custom_jvp){hr_closure_box_new("mlx_closure_custom_jvp_new_func", (hr_any_function)fun, false)};
}

mlx_closure_custom_jvp mlx_closure_custom_jvp_new_func_payload(int (*fun)(mlx_vector_array *, const mlx_vector_array,
                                                                          const mlx_vector_array, const int *, size_t,
                                                                          void *),
                                                               void *payload, void (*dtor)(void *)) {
  hr_closure content = {.function = (hr_any_function)fun, .with_payload = true, .payload = payload, .dtor = dtor};
  return (mlx_closure_custom_jvp){hr_closure_box_make("mlx_closure_custom_jvp_new_func_payload", content)};
}

int mlx_closure_custom_jvp_set(mlx_closure_custom_jvp *cls, const mlx_closure_custom_jvp src) {
  return hr_closure_box_set("mlx_closure_custom_jvp_set", cls ? &cls->ctx : NULL, src.ctx);
}

int mlx_closure_custom_jvp_apply(mlx_vector_array *res, mlx_closure_custom_jvp cls, const mlx_vector_array input_0,
                                 const mlx_vector_array input_1, const int *input_2, size_t input_2_num) {
  mlx_vector_array out = {0};
  hr_closure *closure = NULL;
  hr_status status;
  HR_TRY(hr_need_pointer(res, "res"));
  HR_TRY(hr_need_handle(input_0.ctx, "input_0"));
  HR_TRY(hr_need_handle(input_1.ctx, "input_1"));
  HR_TRY(hr_need_values(input_2, input_2_num, "input_2"));
  HR_TRY(hr_closure_hold(&closure, cls.ctx));
  HR_TRY(hr_closure_answer(
      closure->with_payload ? ((custom_jvp_payload_function)closure->function)(&out, input_0, input_1, input_2,
                                                                               input_2_num, closure->payload)
                            : ((custom_jvp_function)closure->function)(&out, input_0, input_1, input_2, input_2_num)));
  HR_TRY(hr_closure_move_arrays(res, out));
done:
  hr_closure_release(closure);
  mlx_vector_array_free(out);
  return hr_capi_result("mlx_closure_custom_jvp_apply", status);
}

/* --- mlx_closure_custom_vmap --- */

typedef int (*custom_vmap_function)(mlx_vector_array *, mlx_vector_int *, const mlx_vector_array, const int *, size_t);
typedef int (*custom_vmap_payload_function)(mlx_vector_array *, mlx_vector_int *, const mlx_vector_array, const int *,
                                            size_t, void *);

mlx_closure_custom_vmap mlx_closure_custom_vmap_new(void) {
  return (mlx_closure_custom_vmap){hr_closure_box_empty("mlx_closure_custom_vmap_new")};
}
int mlx_closure_custom_vmap_free(mlx_closure_custom_vmap cls) { return hr_closure_box_free(cls.ctx); }

mlx_closure_custom_vmap mlx_closure_custom_vmap_new_func(int (*fun)(mlx_vector_array *, mlx_vector_int *,
                                                                    const mlx_vector_array, const int *, size_t)) {
  return (mlx_closure_custom_vmap){hr_closure_box_new("mlx_closure_custom_vmap_new_func", (hr_any_function)fun, false)};
}

mlx_closure_custom_vmap mlx_closure_custom_vmap_new_func_payload(int (*fun)(mlx_vector_array *, mlx_vector_int *,
                                                                            const mlx_vector_array, const int *, size_t,
                                                                            void *),
                                                                 void *payload, void (*dtor)(void *)) {
  hr_closure content = {.function = (hr_any_function)fun, .with_payload = true, .payload = payload, .dtor = dtor};
  return (mlx_closure_custom_vmap){hr_closure_box_make("mlx_closure_custom_vmap_new_func_payload", content)};
}

int mlx_closure_custom_vmap_set(mlx_closure_custom_vmap *cls, const mlx_closure_custom_vmap src) {
  return hr_closure_box_set("mlx_closure_custom_vmap_set", cls ? &cls->ctx : NULL, src.ctx);
}

/* Swaps the contents; a handle of ctx NULL gets the box. */
static hr_status move_ints(mlx_vector_int *to, mlx_vector_int *from) {
  if (!from->ctx) return hr_closure_empty_result();
  if (!to->ctx) {
    *to = *from;
    from->ctx = NULL;
    return HR_OK;
  }
  hr_vector old = *(hr_vector *)to->ctx;
  *(hr_vector *)to->ctx = *(hr_vector *)from->ctx;
  *(hr_vector *)from->ctx = old;
  return HR_OK;
}

int mlx_closure_custom_vmap_apply(mlx_vector_array *res_0, mlx_vector_int *res_1, mlx_closure_custom_vmap cls,
                                  const mlx_vector_array input_0, const int *input_1, size_t input_1_num) {
  mlx_vector_array out_0 = {0};
  mlx_vector_int out_1 = {0};
  hr_closure *closure = NULL;
  hr_status status;
  HR_TRY(hr_need_pointer(res_0, "res_0"));
  HR_TRY(hr_need_pointer(res_1, "res_1"));
  HR_TRY(hr_need_handle(input_0.ctx, "input_0"));
  HR_TRY(hr_need_values(input_1, input_1_num, "input_1"));
  HR_TRY(hr_closure_hold(&closure, cls.ctx));
  HR_TRY(hr_closure_answer(closure->with_payload ? ((custom_vmap_payload_function)closure->function)(
                                                       &out_0, &out_1, input_0, input_1, input_1_num, closure->payload)
                                                 : ((custom_vmap_function)closure->function)(&out_0, &out_1, input_0,
                                                                                             input_1, input_1_num)));
  HR_TRY(move_ints(res_1, &out_1));
  HR_TRY(hr_closure_move_arrays(res_0, out_0));
done:
  hr_closure_release(closure);
  mlx_vector_array_free(out_0);
  mlx_vector_int_free(out_1);
  return hr_capi_result("mlx_closure_custom_vmap_apply", status);
}
