#include "ops/chain.h"

#include "ops/cast.h"

hr_array *hr_chain_keep(hr_chain *chain, hr_status status, hr_array *made) {
  if (status == HR_OK && chain->count == HR_CHAIN_LENGTH) {
    hr_array_release(made);
    status = hr_fail(HR_UNSUPPORTED, "a chain of more than %d operations", HR_CHAIN_LENGTH);
  }
  if (status != HR_OK) {
    chain->status = status;
    return NULL;
  }
  return chain->made[chain->count++] = made;
}

hr_array *hr_chain_unary(hr_chain *chain, hr_unary_builder builder, hr_array *a) {
  hr_array *out;
  if (chain->status != HR_OK) return NULL;
  hr_status status = builder(&out, a, chain->stream);
  return hr_chain_keep(chain, status, out);
}

hr_array *hr_chain_binary(hr_chain *chain, hr_binary_builder builder, hr_array *a, hr_array *b) {
  hr_array *out;
  if (chain->status != HR_OK) return NULL;
  hr_status status = builder(&out, a, b, chain->stream);
  return hr_chain_keep(chain, status, out);
}

hr_array *hr_chain_cast(hr_chain *chain, hr_array *a, hr_dtype dtype) {
  hr_array *out;
  if (chain->status != HR_OK) return NULL;
  hr_status status = hr_astype(&out, a, dtype, chain->stream);
  return hr_chain_keep(chain, status, out);
}

hr_array *hr_chain_scalar(hr_chain *chain, double value, hr_dtype dtype) {
  hr_array *out;
  if (chain->status != HR_OK) return NULL;
  hr_status status = hr_array_new_scalar(&out, value, dtype);
  return hr_chain_keep(chain, status, out);
}

hr_status hr_chain_end(hr_chain *chain, hr_array **out, hr_array *result) {
  *out = chain->status == HR_OK ? hr_array_retain(result) : NULL;
  for (int i = 0; i < chain->count; i++) hr_array_release(chain->made[i]);
  return chain->status;
}
