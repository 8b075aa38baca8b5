/* src/ops/chain.h - several builders in a row, for formulas: errors and temporary arrays are looked after in one place.
 *
 *   hr_chain c = hr_chain_begin(s);
 *   hr_array *x = hr_chain_unary(&c, hr_log, u);      // NULL, and nothing more happens, after a failure
 *   return hr_chain_end(&c, out, hr_chain_unary(&c, hr_negative, x));
 *
 * What a link makes belongs to the chain until it ends. Any thread; one thread a chain. */
#ifndef HR_OPS_CHAIN_H
#define HR_OPS_CHAIN_H

#include "graph/op.h"

enum { HR_CHAIN_LENGTH = 24 };

typedef struct hr_chain {
  hr_stream *stream;
  hr_status status;
  int count;
  hr_array *made[HR_CHAIN_LENGTH];
} hr_chain;

typedef hr_status (*hr_unary_builder)(hr_array **out, hr_array *a, hr_stream *s);
typedef hr_status (*hr_binary_builder)(hr_array **out, hr_array *a, hr_array *b, hr_stream *s);

static inline hr_chain hr_chain_begin(hr_stream *s) { return (hr_chain){.stream = s}; }

/* Takes over `made`, the result of a builder that answered `status`. */
hr_array *hr_chain_keep(hr_chain *chain, hr_status status, hr_array *made);

hr_array *hr_chain_unary(hr_chain *chain, hr_unary_builder builder, hr_array *a);
hr_array *hr_chain_binary(hr_chain *chain, hr_binary_builder builder, hr_array *a, hr_array *b);
hr_array *hr_chain_cast(hr_chain *chain, hr_array *a, hr_dtype dtype);
hr_array *hr_chain_scalar(hr_chain *chain, double value, hr_dtype dtype);

/* Releases everything but `result`, which becomes *out; answers the first failure. */
hr_status hr_chain_end(hr_chain *chain, hr_array **out, hr_array *result) HR_MUST_USE;

#endif
