#include "io/fuzz.h"
#include "io/gguf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  hr_source *source = hr_memory_source_new(data, size);
  hr_gguf_content content;
  hr_gguf_init(&content);
  if (source && hr_gguf_parse(&content, source, hr_fuzz_stream()) == HR_OK) hr_fuzz_evaluate(&content.arrays);
  hr_gguf_deinit(&content);
  hr_source_release(source);
  return 0;
}
