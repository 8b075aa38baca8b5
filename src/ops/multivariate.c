/* src/ops/multivariate.c - normal vectors with a covariance. In the order of operations of MLX, so that values agree up
 * to the sign that a singular vector happens to have, which cancels out. */
#include <string.h>

#include "ops/binary.h"
#include "ops/chain.h"
#include "ops/check.h"
#include "ops/distributions.h"
#include "ops/linalg_internal.h"
#include "ops/linear.h"
#include "ops/random.h"
#include "ops/shape.h"
#include "ops/unary.h"

static const char OP[] = "random_multivariate_normal";

static hr_status check_moments(const hr_array *mean, const hr_array *cov, hr_dtype dtype) {
  char text_mean[HR_ARRAY_TEXT], text_cov[HR_ARRAY_TEXT];
  hr_status status = HR_OK;
  HR_TRY(hr_op_given(OP, mean));
  HR_TRY(hr_op_given(OP, cov));
  if (dtype != HR_FLOAT32) return hr_fail(HR_INVALID, "%s: the dtype must be float32", OP);
  const int *mean_shape = hr_array_shape(mean), *last = hr_array_shape(cov) + cov->ndim - 2;
  if (mean->ndim < 1 || cov->ndim < 2 || last[0] != last[1] || last[0] != mean_shape[mean->ndim - 1])
    return hr_fail(HR_INVALID, "%s: mean %s and covariance %s: (..., n) and (..., n, n) are needed", OP,
                   hr_array_format(text_mean, mean), hr_array_format(text_cov, cov));
done:
  return status;
}

/* shape, broadcast with the leading axes of both, and n. */
static hr_status result_shape(int *out, int *ndim, const hr_array *mean, const hr_array *cov, const int *shape,
                              size_t shape_num) {
  int batch[HR_MAX_NDIM], batch_ndim;
  hr_status status;
  HR_TRY(hr_op_shape(OP, shape, shape_num));
  HR_TRY(
      hr_shape_broadcast(batch, &batch_ndim, hr_array_shape(mean), mean->ndim - 1, hr_array_shape(cov), cov->ndim - 2));
  HR_TRY(hr_shape_broadcast(out, ndim, batch, batch_ndim, shape, (int)shape_num));
  if (*ndim >= HR_MAX_NDIM) return hr_fail(HR_UNSUPPORTED, "more than %d axes", HR_MAX_NDIM);
  out[(*ndim)++] = hr_array_shape(mean)[mean->ndim - 1];
done:
  return status == HR_OK ? HR_OK : hr_fail_prefix(status, "%s: ", OP);
}

/* A square root of the covariance: U diag(sqrt(S)) Vt. */
static hr_array *square_root(hr_chain *c, hr_array *cov) {
  hr_array *svd[3] = {NULL, NULL, NULL}, *row = NULL;
  hr_array *cast = hr_chain_cast(c, cov, HR_FLOAT32);
  if (c->status != HR_OK) return NULL;
  hr_status status = hr_linalg_svd_parts(svd, cast, HR_LINALG_VECTORS, c->stream);
  for (int i = 0; i < 3; i++) svd[i] = hr_chain_keep(c, status, svd[i]);
  hr_array *root = hr_chain_unary(c, hr_sqrt, svd[1]);
  if (c->status != HR_OK) return NULL;
  status = hr_expand_dims(&row, root, -2, c->stream);
  row = hr_chain_keep(c, status, row);
  return hr_chain_binary(c, hr_matmul, hr_chain_binary(c, hr_multiply, svd[0], row), svd[2]);
}

hr_status hr_random_multivariate_normal(hr_array **out, hr_array *mean, hr_array *cov, const int *shape,
                                        size_t shape_num, hr_dtype dtype, hr_array *key, hr_stream *s) {
  int full[HR_MAX_NDIM], ndim;
  hr_array *normal = NULL, *rows = NULL, *sums = NULL;
  hr_status status;
  *out = NULL;
  HR_TRY(check_moments(mean, cov, dtype));
  HR_TRY(result_shape(full, &ndim, mean, cov, shape, shape_num));
  HR_TRY(hr_random_normal(&normal, full, (size_t)ndim, dtype, 0, 1, key, s));
  hr_chain c = hr_chain_begin(s);
  if (normal->size == 0) { /* no matrix to take the root of */
    status = hr_chain_end(&c, out, hr_chain_binary(&c, hr_add, normal, mean));
    goto done;
  }
  /* One covariance for all vectors: a product of two matrices instead of one for each vector. */
  hr_array *root = square_root(&c, cov);
  if (cov->ndim > 2) {
    hr_status made = hr_expand_dims(&rows, normal, -2, s);
    hr_array *x = hr_chain_binary(&c, hr_matmul, hr_chain_keep(&c, made, rows), root);
    made = c.status == HR_OK ? hr_squeeze_axis(&sums, x, -2, s) : c.status;
    sums = hr_chain_keep(&c, made, sums);
  } else {
    sums = hr_chain_binary(&c, hr_matmul, normal, root);
  }
  status = hr_chain_end(&c, out, hr_chain_binary(&c, hr_add, sums, mean));
done:
  hr_array_release(normal);
  return status;
}
