#include "io/fuzz.h"
#include "io/npz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  hr_source *source = hr_memory_source_new(data, size);
  hr_map arrays;
  hr_map_init(&arrays, hr_fuzz_drop);
  if (source && hr_npz_parse(&arrays, source, hr_fuzz_stream()) == HR_OK) hr_fuzz_evaluate(&arrays);
  hr_map_deinit(&arrays);
  hr_source_release(source);
  return 0;
}
