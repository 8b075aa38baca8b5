/* What convolutions copy: parts of the input before, and sums of half types after the tiles. */
/* hr-dtypes: f32 f64 f16 bf16 u16 */
#include "cpu/kernels/conv.h"
#include "cpu/kernels/elem.h"

/* Channels that lie apart: their places are walked a few at a time, so that a line of memory serves all of them. */
enum { PLACES = 16 };

static void load_apart(hr_accum *to, int64_t pitch, const hr_elem *from, int64_t step, int64_t along, int64_t count,
                       int64_t channels) {
  for (int64_t first = 0; first < count; first += PLACES) {
    int64_t end = first + PLACES < count ? first + PLACES : count;
    for (int64_t c = 0; c < channels; c++)
      for (int64_t i = first; i < end; i++) to[i * pitch + c] = hr_elem_load(from + i * step + c * along);
  }
}

static void load(void *to, int64_t pitch, const void *from, int64_t step, int64_t along, int64_t count,
                 int64_t channels) {
  hr_accum *out = to;
  const hr_elem *in = from;
  if (pitch == channels && step == channels && along == 1) channels *= count, count = 1;
  if (along != 1 && channels > 1) {
    load_apart(out, pitch, in, step, along, count, channels);
    return;
  }
  for (int64_t i = 0; i < count; i++)
    for (int64_t c = 0; c < channels; c++) out[i * pitch + c] = hr_elem_load(in + i * step + c);
}

#if HR_ELEM_IS_HALF
static void store(void *to, int64_t step, const void *from, int64_t pitch, int64_t count, int64_t channels) {
  hr_elem *out = to;
  const hr_accum *in = from;
  for (int64_t i = 0; i < count; i++)
    for (int64_t c = 0; c < channels; c++) hr_elem_store(out + i * step + c, in[i * pitch + c]);
}

const hr_conv_copy_kernels HR_NAME(hr_conv_copy) = {.load = load, .store = store};
#else
const hr_conv_copy_kernels HR_NAME(hr_conv_copy) = {.load = load};
#endif
