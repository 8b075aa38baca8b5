/* bench/main.c - headrace-bench: options, and the loop over cases. */
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "report.h"

static const bench_group *const groups[] = {
    &bench_engine,   //
    &bench_streams,  //
    &bench_latency,  //
    &bench_kernels,  //
    &bench_math,     //
    &bench_numbers,  //
    &bench_move,     //
    &bench_forms,    //
    &bench_fast,     //
    &bench_fft,      //
    &bench_convs,    //
    &bench_matmul,   //
    &bench_quant,    //
    &bench_io,       //
    &bench_linalg,   //
    &bench_memory,   //
    &bench_train,    //
};
enum { GROUPS = sizeof groups / sizeof groups[0], RESULTS_MAX = 512 };

typedef struct options {
  const char *json, *filter, *alone;
  int repeats;
  bool list, help;
} options;

static const char usage[] =
    "usage: headrace-bench [options]\n"
    "Times Headrace on this machine. A row's limit is measured in the same run; +- is half the distance of quartiles.\n"
    "  --list         names of all rows\n"
    "  --filter TEXT  only rows whose name contains TEXT\n"
    "  --quick        fewer samples and smaller graphs\n"
    "  --repeats N    samples a row, 1 to 99 (7)\n"
    "  --json FILE    where the results go too (bench.json in the folder above the program's)\n"
    "  --help         this text\n";

static bool matches(const bench_row *row, const char *filter) {
  return filter == NULL || strstr(row->name, filter) != NULL;
}

static int row_count(const bench_case *c) {
  int count = 0;
  while (count < BENCH_ROWS_MAX && c->rows[count].name != NULL) count++;
  return count;
}

/* --- cases in processes of their own: `headrace-bench --alone ROW` prints a line a row --- */

static int run_alone(const bench_case *c) {
  bench_sample out[BENCH_ROWS_MAX] = {{0, 0}};
  c->run(c->arg, out);
  for (int i = 0; i < row_count(c); i++) printf("%.17g %.17g\n", out[i].value, out[i].limit);
  fflush(stdout);
  _exit(0);
}

static void sample_alone(const bench_case *c, bench_sample *out) {
  char command[512];
  snprintf(command, sizeof command, "exec /proc/%d/exe %s --alone '%s'", (int)getpid(), bench_quick ? "--quick" : "",
           c->rows[0].name);
  FILE *pipe = popen(command, "r");
  for (int i = 0; i < row_count(c); i++)
    if (pipe == NULL || fscanf(pipe, "%lf %lf", &out[i].value, &out[i].limit) != 2) out[i].value = NAN;
  if (pipe != NULL) pclose(pipe);
}

/* --- all cases --- */

static void take_sample(const bench_case *c, bench_sample *out) {
  memset(out, 0, BENCH_ROWS_MAX * sizeof *out);
  if (c->alone)
    sample_alone(c, out);
  else
    c->run(c->arg, out);
}

static int run_case(const bench_case *c, const options *opts, bench_result *results) {
  bench_sample out[BENCH_ROWS_MAX];
  int rows = row_count(c), count = 0;
  for (int k = 0; k < rows; k++)
    if (matches(&c->rows[k], opts->filter)) results[count++] = (bench_result){.row = &c->rows[k]};
  if (count == 0) return 0;
  if (!c->alone) take_sample(c, out);
  for (int i = 0; i < opts->repeats; i++) {
    take_sample(c, out);
    for (int k = 0; k < count; k++) results[k].samples[results[k].count++] = out[results[k].row - c->rows];
  }
  for (int k = 0; k < count; k++) {
    bench_judge(&results[k]);
    bench_print(stdout, &results[k]);
  }
  return count;
}

static int run_all(const options *opts, bench_result *results) {
  int count = 0;
  for (int g = 0; g < GROUPS; g++)
    for (int i = 0; i < groups[g]->case_count; i++) {
      const bench_case *c = &groups[g]->cases[i];
      if (opts->alone != NULL && strcmp(opts->alone, c->rows[0].name) == 0) return run_alone(c);
      if (opts->alone != NULL) continue;
      for (int k = 0; opts->list && k < row_count(c); k++) puts(c->rows[k].name);
      if (!opts->list) count += run_case(c, opts, results + count);
    }
  return count;
}

static bool read_options(options *opts, int argc, char **argv) {
  static const struct option names[] = {
      {"list", no_argument, NULL, 'l'},        {"filter", required_argument, NULL, 'f'},
      {"quick", no_argument, NULL, 'q'},       {"repeats", required_argument, NULL, 'r'},
      {"json", required_argument, NULL, 'j'},  {"help", no_argument, NULL, 'h'},
      {"alone", required_argument, NULL, 'a'}, {NULL, 0, NULL, 0}};
  for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) switch (c) {
      case 'l': opts->list = true; break;
      case 'f': opts->filter = optarg; break;
      case 'q': bench_quick = true; break;
      case 'r': opts->repeats = atoi(optarg); break;
      case 'j': opts->json = optarg; break;
      case 'h': opts->help = true; break;
      case 'a': opts->alone = optarg; break;
      default: return false;
    }
  return optind == argc && opts->repeats >= 1 && opts->repeats <= BENCH_REPEATS_MAX;
}

/* The program lies in BUILD/bench/. */
static const char *default_json(void) {
  static char path[4096];
  ssize_t length = readlink("/proc/self/exe", path, sizeof path - 16);
  path[length > 0 ? length : 0] = 0;
  for (int i = 0; i < 2; i++) {
    char *slash = strrchr(path, '/');
    if (slash != NULL) *slash = 0;
  }
  return strcat(path, "/bench.json");
}

static void report_error(const char *text, void *data) {
  (void)data;
  fprintf(stderr, "headrace-bench: %s\n", text);
}

int main(int argc, char **argv) {
  static bench_result results[RESULTS_MAX];
  options opts = {.repeats = 7};
  if (!read_options(&opts, argc, argv)) {
    fputs(usage, stderr);
    return 2;
  }
  if (opts.help) {
    fputs(usage, stdout);
    return 0;
  }
  /* They steer a library that other software on the machine may use; a benchmark takes what that finds by itself. */
  unsetenv("OPENBLAS_CORETYPE");
  unsetenv("OPENBLAS_L2_SIZE");
  mlx_set_error_handler(report_error, NULL, NULL);
  if (!opts.list && opts.alone == NULL) bench_print_head(stdout);
  int count = run_all(&opts, results);
  if (opts.list) return 0;
  const char *json = opts.json != NULL ? opts.json : default_json();
  if (!bench_write_json(json, results, count)) {
    perror(json);
    return 1;
  }
  int missed = 0;
  for (int i = 0; i < count; i++) missed += !results[i].ok;
  printf("%d rows, %d short of their goal, geometric mean of ratios %.3f; %s\n", count, missed,
         bench_mean_ratio(results, count), json);
  return 0;
}
