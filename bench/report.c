/* bench/report.c - see report.h. */
#include "report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "headrace/version.h"

static int by_size(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Of sorted values; between two of them, a mixture. */
static double quantile(const double *sorted, int count, double q) {
  double place = q * (count - 1);
  int below = (int)place;
  int above = below + 1 < count ? below + 1 : below;
  return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
}

static double median(double *values, int count) {
  qsort(values, (size_t)count, sizeof *values, by_size);
  return quantile(values, count, 0.5);
}

/* A goal that is a ratio says nothing where there is no limit: the library is not there, or cannot do it. */
static bench_goal goal_of(const bench_result *result) {
  return result->row->on == BENCH_OF_RATIO && !(result->limit > 0) ? BENCH_NO_GOAL : result->row->on;
}

static bool reached(const bench_result *result) {
  const bench_row *row = result->row;
  bench_goal on = goal_of(result);
  if (on == BENCH_NO_GOAL) return true;
  double judged = on == BENCH_OF_RATIO ? result->ratio : result->value;
  return row->better == BENCH_LESS ? judged <= row->goal : judged >= row->goal;
}

void bench_judge(bench_result *result) {
  double values[BENCH_REPEATS_MAX], limits[BENCH_REPEATS_MAX], ratios[BENCH_REPEATS_MAX];
  int count = result->count;
  bool failed = count == 0, limited = true;
  for (int i = 0; i < count; i++) {
    bench_sample sample = result->samples[i];
    failed |= !isfinite(sample.value) || !isfinite(sample.limit);
    limited &= sample.limit > 0;
    values[i] = sample.value;
    limits[i] = sample.limit;
    ratios[i] = sample.value / sample.limit;
  }
  result->value = NAN;
  if (failed) return;
  result->value = median(values, count);
  result->best = result->row->better == BENCH_LESS ? values[0] : values[count - 1];
  double quartiles = quantile(values, count, 0.75) - quantile(values, count, 0.25);
  result->spread = result->value != 0 ? quartiles / 2 / fabs(result->value) : 0;
  if (limited) {
    result->limit = median(limits, count);
    result->ratio = median(ratios, count);
  }
  result->ok = reached(result);
}

double bench_mean_ratio(const bench_result *results, int count) {
  double sum = 0;
  int used = 0;
  for (int i = 0; i < count; i++) {
    const bench_result *result = &results[i];
    if (isnan(result->value) || !(result->ratio > 0)) continue;
    sum += result->row->better == BENCH_LESS ? -log(result->ratio) : log(result->ratio);
    used++;
  }
  return used ? exp(sum / used) : 0;
}

/* --- the table --- */

void bench_print_head(FILE *out) {
  fprintf(out, "%-50s %10s %5s %-7s %10s %7s  %-8s %s\n", "row", "value", "+-", "unit", "limit", "ratio", "goal", "ok");
}

/* Four digits. */
static const char *number(char *text, size_t size, double x) {
  int decimals = x == 0 || fabs(x) >= 1000 ? 0 : fabs(x) >= 100 ? 1 : fabs(x) >= 10 ? 2 : 3;
  snprintf(text, size, "%.*f", decimals, x);
  return text;
}

void bench_print(FILE *out, const bench_result *result) {
  const bench_row *row = result->row;
  bench_goal on = goal_of(result);
  char value[32], limit[32] = "", ratio[32] = "", goal[48] = "";
  if (isnan(result->value)) {
    fprintf(out, "%-50s %10s\n", row->name, "failed");
    return;
  }
  if (result->limit > 0) number(limit, sizeof limit, result->limit), number(ratio, sizeof ratio, result->ratio);
  if (on != BENCH_NO_GOAL)
    snprintf(goal, sizeof goal, "%s%g%s", row->better == BENCH_LESS ? "<=" : ">=", row->goal,
             on == BENCH_OF_RATIO ? "x" : "");
  fprintf(out, "%-50s %10s %4.0f%% %-7s %10s %7s  %-8s %s\n", row->name, number(value, sizeof value, result->value),
          100 * result->spread, row->unit, limit, ratio, goal,
          on == BENCH_NO_GOAL ? ""
          : result->ok        ? "yes"
                              : "NO");
  fflush(out);
}

/* --- JSON --- */

static void put_number(FILE *file, const char *key, double x, bool there) {
  if (there && isfinite(x))
    fprintf(file, "\"%s\": %.9g, ", key, x);
  else
    fprintf(file, "\"%s\": null, ", key);
}

static void put_samples(FILE *file, const char *key, const bench_result *result, bool limits) {
  fprintf(file, "\"%s\": [", key);
  for (int i = 0; i < result->count; i++) {
    double x = limits ? result->samples[i].limit : result->samples[i].value;
    fprintf(file, i == 0 ? "" : ", ");
    fprintf(file, isfinite(x) ? "%.9g" : "null", x);
  }
  fputc(']', file);
}

static void put_row(FILE *file, const bench_result *result) {
  const bench_row *row = result->row;
  static const char *const goals[] = {
      [BENCH_NO_GOAL] = "null", [BENCH_OF_VALUE] = "\"value\"", [BENCH_OF_RATIO] = "\"ratio\""};
  bench_goal on = goal_of(result);
  bool done = !isnan(result->value);
  fprintf(file, "    {\"name\": \"%s\", \"unit\": \"%s\", \"better\": \"%s\", ", row->name, row->unit,
          row->better == BENCH_LESS ? "less" : "more");
  put_number(file, "value", result->value, done);
  put_number(file, "limit", result->limit, done && result->limit > 0);
  put_number(file, "ratio", result->ratio, done && result->limit > 0);
  put_number(file, "goal", row->goal, on != BENCH_NO_GOAL);
  fprintf(file, "\"goal_of\": %s, \"ok\": %s, ", goals[on], result->ok ? "true" : "false");
  put_number(file, "best", result->best, done);
  put_number(file, "spread", result->spread, done);
  put_samples(file, "samples", result, false);
  fputs(", ", file);
  put_samples(file, "limits", result, true);
  fputc('}', file);
}

/* The processor's name as the system tells it, without quotes. */
static void processor_name(char *out, size_t size) {
  char line[256];
  snprintf(out, size, "unknown");
  FILE *file = fopen("/proc/cpuinfo", "r");
  if (file == NULL) return;
  while (fgets(line, sizeof line, file) != NULL) {
    char *colon = strchr(line, ':');
    if (strncmp(line, "model name", 10) != 0 || colon == NULL) continue;
    line[strcspn(line, "\n\"\\")] = 0;
    snprintf(out, size, "%s", colon + 2);
    break;
  }
  fclose(file);
}

bool bench_write_json(const char *path, const bench_result *results, int count) {
  FILE *file = fopen(path, "w");
  if (file == NULL) return false;
  char name[128];
  processor_name(name, sizeof name);
  fprintf(file,
          "{\n  \"headrace\": \"%s\",\n  \"processor\": \"%s\",\n  \"cores\": %ld,\n  \"quick\": %s,\n  \"rows\": [\n",
          hr_version(), name, sysconf(_SC_NPROCESSORS_ONLN), bench_quick ? "true" : "false");
  for (int i = 0; i < count; i++) {
    put_row(file, &results[i]);
    fputs(i + 1 < count ? ",\n" : "\n", file);
  }
  fputs("  ]\n}\n", file);
  bool written = ferror(file) == 0;
  return fclose(file) == 0 && written;
}
