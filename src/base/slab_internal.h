/* src/base/slab_internal.h - the slab's part of hr_memory_fork_*(). */
#ifndef HR_BASE_SLAB_INTERNAL_H
#define HR_BASE_SLAB_INTERNAL_H

void hr_slab_fork_prepare(void);
void hr_slab_fork_parent(void);
void hr_slab_fork_child(void);

#endif
