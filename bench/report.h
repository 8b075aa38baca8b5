/* bench/report.h - what was measured of a row, and how it is shown. */
#ifndef HR_BENCH_REPORT_H
#define HR_BENCH_REPORT_H

#include "bench.h"

enum { BENCH_REPEATS_MAX = 99 };

typedef struct bench_result {
  const bench_row *row;
  bench_sample samples[BENCH_REPEATS_MAX];
  int count;
  /* Set by bench_judge(). */
  double value, limit; /* medians */
  double ratio;        /* median of value / limit, sample by sample; 0: there is no limit */
  double best;         /* the best value */
  double spread;       /* half the distance of the values' quartiles, relative to the median */
  bool ok;             /* the goal is reached, or there is none; false if a sample failed */
} bench_result;

void bench_judge(bench_result *result);
/* The geometric mean of the ratios to the limits, turned so that above 1 is better; 0 without any. */
double bench_mean_ratio(const bench_result *results, int count);

void bench_print_head(FILE *out);
void bench_print(FILE *out, const bench_result *result);

/* {"headrace": version, "processor": name, "cores": n, "quick": bool, "rows": [{"name", "unit", "better", "value",
 * "limit", "ratio", "goal", "goal_of", "ok", "best", "spread", "samples": [..], "limits": [..]}, ..]}; what a row does
 * not have is null. False if the file cannot be written. */
bool bench_write_json(const char *path, const bench_result *results, int count);

#endif
