#include "io/fuzz.h"
#include "io/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  hr_source *source = hr_memory_source_new(data, size);
  hr_map arrays, words;
  hr_map_init(&arrays, hr_fuzz_drop);
  hr_map_init(&words, hr_free);
  if (source && hr_safetensors_parse(&arrays, &words, source, hr_fuzz_stream()) == HR_OK) hr_fuzz_evaluate(&arrays);
  hr_map_deinit(&arrays);
  hr_map_deinit(&words);
  hr_source_release(source);
  return 0;
}
