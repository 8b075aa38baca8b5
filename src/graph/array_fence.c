#include "graph/array_fence.h"

#include "base/memory.h"
#include "graph/eval.h"
#include "graph/node.h"

typedef struct array_fence {
  hr_fence fence;
  size_t node_count, bytes;
  hr_point *points; /* one a timeline: the furthest */
  hr_node *nodes[]; /* a reference each, in the order of the arrays; the points lie behind */
} array_fence;

static hr_error *array_error(hr_fence *fence) {
  array_fence *af = (array_fence *)fence;
  for (size_t i = 0; i < af->node_count; i++)
    if (hr_node_state_get(af->nodes[i]) == HR_NODE_FAILED) return hr_error_retain(af->nodes[i]->error);
  return NULL;
}

/* A node that has run holds no array, so nothing of the program's is freed here. */
static void array_destroy(hr_fence *fence) {
  array_fence *af = (array_fence *)fence;
  hr_fence_deinit(fence);
  for (size_t i = 0; i < af->node_count; i++) hr_node_release(af->nodes[i]);
  hr_slab_free(af, af->bytes);
}

static const hr_fence_class array_class = {.error = array_error, .destroy = array_destroy};

static size_t add_point(hr_point *points, size_t count, hr_point point) {
  size_t i = 0;
  while (i < count && points[i].timeline != point.timeline) i++;
  if (i == count || points[i].value < point.value) points[i] = point;
  return i == count ? count + 1 : count;
}

/* Nodes that are done have nothing to say: they are neither waited for nor kept. */
static void fill(array_fence *af, hr_array *const *arrays, size_t count) {
  size_t points = 0;
  af->points = (hr_point *)(void *)(af->nodes + count);
  for (size_t i = 0; i < count; i++) {
    hr_node *node = arrays[i]->node;
    if (!node || hr_node_state_get(node) == HR_NODE_DONE) continue;
    hr_add_relaxed(&node->refs, 1u); /* the array has one */
    af->nodes[af->node_count++] = node;
    points = add_point(af->points, points, hr_node_point(node));
  }
  hr_fence_init(&af->fence, &array_class, af->points, points);
}

hr_status hr_fence_new_arrays(hr_fence **out, hr_array *const *arrays, size_t count) {
  *out = NULL;
  size_t each = sizeof(hr_node *) + sizeof(hr_point);
  if (count > (SIZE_MAX - sizeof(array_fence)) / each) return hr_fail(HR_INVALID, "%zu arrays are too many", count);
  size_t bytes = sizeof(array_fence) + count * each;
  array_fence *af = hr_slab_alloc(bytes);
  if (!af) return hr_fail(HR_OUT_OF_MEMORY, "no memory for a fence");
  hr_status status = hr_async_eval(arrays, count);
  if (status != HR_OK) {
    hr_slab_free(af, bytes);
    return status;
  }
  af->node_count = 0;
  af->bytes = bytes;
  fill(af, arrays, count);
  *out = &af->fence;
  return HR_OK;
}
