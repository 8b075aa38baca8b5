/* src/capi/map.h - maps behind handles, for calls that answer them. */
#ifndef HR_CAPI_MAP_H
#define HR_CAPI_MAP_H

#include "base/map.h"

/* What hr_map_init() needs for a map of arrays, each of which the map holds one reference to. */
void hr_map_drop_array(void *value);

/* Makes *ctx (of a handle of the same kind; a box is made if there is none) a map with this content, which is emptied,
 * also on failure. */
hr_status hr_give_map(void **ctx, hr_map *content) HR_MUST_USE;

#endif
