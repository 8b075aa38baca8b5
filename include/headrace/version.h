/* headrace/version.h - which Headrace this is. The version of the MLX interface that it implements is mlx_version(). */
#ifndef HEADRACE_VERSION_H
#define HEADRACE_VERSION_H

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/* The version of the library that is loaded, such as "0.1.0". Never NULL; a constant, never freed. Any thread. */
const char *hr_version(void);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
