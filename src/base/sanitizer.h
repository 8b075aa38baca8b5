/* src/base/sanitizer.h - HR_SANITIZED is 1 in builds that watch memory: allocators then keep no freed blocks, so that a
 * use after free is seen. -DHR_SANITIZED=0 puts the allocators themselves under the sanitizer. */
#ifndef HR_BASE_SANITIZER_H
#define HR_BASE_SANITIZER_H

#ifdef HR_SANITIZED
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HR_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define HR_SANITIZED 1
#endif
#endif
#ifndef HR_SANITIZED
#define HR_SANITIZED 0
#endif

#endif
