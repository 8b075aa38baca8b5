/* Freeing arrays and nodes: a list of dead arrays instead of recursion (R5). A dead array belongs to one thread, so its
 * `buffer` is dropped first and the field `size` is free to link the list. */
#include "array/array.h"
#include "base/memory.h"
#include "graph/node.h"

typedef struct dead_list {
  hr_array *first;
} dead_list;

static void push_dead(dead_list *dead, hr_array *a) {
  a->size = (int64_t)(intptr_t)dead->first;
  dead->first = a;
}

static void drop(dead_list *dead, hr_array *a) {
  if (a && hr_sub_acq_rel(&a->refs, 1u) == 1) push_dead(dead, a);
}

static void drop_inputs(hr_node *node, dead_list *dead) {
  for (int i = 0; i < node->in_count; i++) {
    drop(dead, hr_node_in(node)[i]);
    hr_node_in(node)[i] = NULL;
  }
  if (node->op->attrs_deinit && node->cursor != UINT32_MAX) node->op->attrs_deinit(hr_node_attrs(node));
  node->cursor = UINT32_MAX; /* attrs are gone */
}

static void node_drop(hr_node *node, dead_list *dead) {
  if (hr_sub_acq_rel(&node->refs, 1u) != 1) return;
  drop_inputs(node, dead);
  hr_error_release(node->error);
  hr_slab_free(node, hr_node_bytes(node));
}

/* N3: takes a dead output out of its node's borrowed slots before its memory goes. */
static void forget_output(hr_node *node, const hr_array *a) {
  if (node->out_count == 1) return;
  hr_mutex_lock(&node->out_lock);
  if (hr_node_out(node)[a->index] == a) hr_node_out(node)[a->index] = NULL;
  hr_mutex_unlock(&node->out_lock);
}

static void bury(dead_list *dead) {
  while (dead->first) {
    hr_array *a = dead->first;
    hr_node *node = a->node;
    dead->first = (hr_array *)(intptr_t)a->size;
    if (node) {
      forget_output(node, a);
      node_drop(node, dead);
    }
    hr_array_destroy(a);
  }
}

void hr_array_release(hr_array *a) {
  dead_list dead = {0};
  drop(&dead, a);
  bury(&dead);
}

void hr_node_drop_inputs(hr_node *node) {
  dead_list dead = {0};
  drop_inputs(node, &dead);
  bury(&dead);
}

void hr_node_release(hr_node *node) {
  dead_list dead = {0};
  node_drop(node, &dead);
  bury(&dead);
}
