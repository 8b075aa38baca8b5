/* src/base/pages.c - mmap, with the alignment that huge pages need. */
#include "base/pages.h"

#include <stdint.h>
#include <sys/mman.h>

static void *map(size_t bytes) {
  void *pages = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return pages == MAP_FAILED ? NULL : pages;
}

/* Maps more than is needed and gives back both ends. */
static void *map_aligned(size_t bytes, size_t align) {
  if (bytes > SIZE_MAX - align) return NULL;
  char *all = map(bytes + align);
  if (!all) return NULL;
  size_t front = (size_t)(-(uintptr_t)all & (align - 1)), back = align - front;
  if (front) munmap(all, front);
  if (back) munmap(all + front + bytes, back);
  return all + front;
}

void *hr_pages_map_aligned(size_t bytes, size_t align) {
  void *pages = map_aligned(bytes, align);
#ifdef MADV_HUGEPAGE
  if (pages) madvise(pages, bytes, MADV_HUGEPAGE); /* a wish: a system without huge pages may say no */
#endif
  return pages;
}

void *hr_pages_map(size_t bytes) {
  return bytes < HR_HUGE_PAGE ? map(bytes) : hr_pages_map_aligned(bytes, HR_HUGE_PAGE);
}

void hr_pages_drop(void *pages, size_t bytes) { madvise(pages, bytes, MADV_DONTNEED); }

void hr_pages_unmap(void *pages, size_t bytes) {
  if (pages) munmap(pages, bytes);
}
