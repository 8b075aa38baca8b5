#include "io/fuzz.h"
#include "io/npy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  hr_source *source = hr_memory_source_new(data, size);
  hr_load_plan plan;
  hr_map arrays;
  hr_array *a = NULL;
  hr_map_init(&arrays, hr_fuzz_drop);
  if (source && hr_npy_parse(&plan, source) == HR_OK &&
      hr_load_array(&a, source, &plan, NULL, hr_fuzz_stream()) == HR_OK && hr_map_insert(&arrays, "x", a) != HR_OK)
    hr_array_release(a);
  hr_fuzz_evaluate(&arrays);
  hr_map_deinit(&arrays);
  hr_source_release(source);
  return 0;
}
