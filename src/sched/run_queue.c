#include "sched/run_queue.h"

#include "sched/chaos.h"
#include "sched/tuning.h"

static void change_count(hr_run_queue *queue, int by) {
  hr_store_seq_cst(&queue->count, hr_load_relaxed(&queue->count) + (uint32_t)by);
}

void hr_run_queue_remove(hr_run_queue *queue, hr_stream *s) {
  int p = s->queue_priority;
  *(s->queue_prev ? &s->queue_prev->queue_next : &queue->head[p]) = s->queue_next;
  *(s->queue_next ? &s->queue_next->queue_prev : &queue->tail[p]) = s->queue_prev;
  s->queue_next = s->queue_prev = NULL;
  s->in_queue = false;
  change_count(queue, -1);
}

static void append(hr_run_queue *queue, hr_stream *s) {
  int p = s->queue_priority = hr_stream_urgency(s);
  s->queue_prev = queue->tail[p];
  s->queue_next = NULL;
  *(queue->tail[p] ? &queue->tail[p]->queue_next : &queue->head[p]) = s;
  queue->tail[p] = s;
  s->in_queue = true;
  change_count(queue, 1);
}

void hr_run_queue_push(hr_run_queue *queue, hr_stream *s, int64_t now_ns) {
  if (s->in_queue) return;
  s->queued_ns = now_ns;
  append(queue, s);
}

void hr_run_queue_move(hr_run_queue *queue, hr_stream *s) {
  if (!s->in_queue || hr_stream_urgency(s) == s->queue_priority) return;
  hr_run_queue_remove(queue, s);
  append(queue, s);
}

static hr_stream *random_of(hr_stream *head) {
  uint32_t steps = hr_chaos_pick(4);
  while (steps-- && head->queue_next) head = head->queue_next;
  return head;
}

hr_stream *hr_run_queue_pop(hr_run_queue *queue) {
  bool background = ++queue->turns % 16 == 0;
  for (int i = 0; i < HR_PRIORITY_COUNT; i++) {
    int p = background ? HR_PRIORITY_COUNT - 1 - i : i;
    hr_stream *s = queue->head[p];
    if (!s) continue;
    if (hr_load_relaxed(&hr_chaos_on)) s = random_of(s);
    hr_run_queue_remove(queue, s);
    return s;
  }
  return NULL;
}

/* How long a stream may be runnable before a turn is granted for it (W4). */
static int64_t patience_ns(hr_stream *s, bool beyond) {
  uint8_t pace = hr_load_relaxed(&s->pace);
  return pace == HR_PACE_SLOW || (pace == HR_PACE_UNKNOWN && beyond) ? HR_SLOW_STARVE_NS : HR_STARVE_NS;
}

hr_stream *hr_run_queue_starving(hr_run_queue *queue, int64_t now_ns, bool beyond) {
  hr_stream *urgent = NULL; /* the most urgent one that is half way there */
  for (int p = 0; p < HR_PRIORITY_BACKGROUND; p++)
    for (hr_stream *s = queue->head[p]; s; s = s->queue_next) {
      int64_t waited = now_ns - s->queued_ns, patience = patience_ns(s, beyond);
      if (waited <= HR_STARVE_NS / 2) break; /* oldest first */
      if (waited > patience) return urgent && urgent->queue_priority < p ? urgent : s;
      if (!urgent && waited > patience / 2) urgent = s;
    }
  return NULL;
}

void hr_run_queue_clear(hr_run_queue *queue) {
  for (int p = 0; p < HR_PRIORITY_COUNT; p++) queue->head[p] = queue->tail[p] = NULL;
  hr_store_relaxed(&queue->count, 0);
}
