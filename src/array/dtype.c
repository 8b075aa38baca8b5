/* src/array/dtype.c - rows of facts about dtypes, and promotion. */
#include "array/dtype.h"

#define X(ENUM, kernel, name, bytes, class) [HR_##ENUM] = (bytes),
const uint8_t hr_dtype_bytes[HR_DTYPE_COUNT] = {HR_DTYPES(X)};
#undef X
#define X(ENUM, kernel, name, bytes, class) [HR_##ENUM] = (class),
const uint8_t hr_dtype_classes[HR_DTYPE_COUNT] = {HR_DTYPES(X)};
#undef X
#define X(ENUM, kernel, name, bytes, class) [HR_##ENUM] = (name),
const char *const hr_dtype_names[HR_DTYPE_COUNT] = {HR_DTYPES(X)};
#undef X

static hr_dtype signed_of_bytes(int bytes) {
  switch (bytes) {
    case 2: return HR_INT16;
    case 4: return HR_INT32;
    case 8: return HR_INT64;
    default: return HR_FLOAT32; /* no integer type is wide enough */
  }
}

/* a's class is not above b's, and they differ. */
static hr_dtype promote_up(hr_dtype a, hr_dtype b) {
  hr_dtype_class low = hr_dtype_classes[a], high = hr_dtype_classes[b];
  if (low == high) {
    if (high == HR_CLASS_FLOAT && hr_dtype_bytes[a] == hr_dtype_bytes[b]) return HR_FLOAT32; /* the two halves */
    return hr_dtype_bytes[a] > hr_dtype_bytes[b] ? a : b;
  }
  if (low != HR_CLASS_UNSIGNED || high != HR_CLASS_SIGNED) return b;
  return hr_dtype_bytes[b] > hr_dtype_bytes[a] ? b : signed_of_bytes(2 * hr_dtype_bytes[a]);
}

hr_dtype hr_dtype_promote(hr_dtype a, hr_dtype b) {
  if (a == b) return a;
  return hr_dtype_classes[a] <= hr_dtype_classes[b] ? promote_up(a, b) : promote_up(b, a);
}
