#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "headrace/version.h"

enum { MAX_QUERIES = 64 };

/* Text that comes with Debian and Ubuntu; the first that is there is used when no path is given. */
static const char *const usual_text[] = {"/usr/share/common-licenses", "/usr/share/doc", "/usr/share/perl"};
static const char *const usual_queries[] = {"warranty for damages and liability of the author",
                                            "how to report a bug in this package",
                                            "permission to modify and distribute"};
static const char *given_queries[MAX_QUERIES];

static const char help[] =
    "usage: search [options] [PATH ...]\n"
    "\n"
    "Finds the passages of text files that are most like a query. Three streams work at the same time:\n"
    "one reads files, cuts them into passages and hashes their words into vectors; one projects the vectors\n"
    "with a random matrix; one compares them with the queries and keeps the best. The passages found are printed\n"
    "with score, file and lines, then how long the streams took one after another and overlapped.\n"
    "\n"
    "PATH is a file or a folder, read with all folders below it; without one, text that is on the machine.\n"
    "Memory does not grow with the text, but for 12 bytes a passage.\n"
    "\n"
    "  -q, --query TEXT     what to look for; may be given up to 64 times\n"
    "  -k, --top N          passages a query (5)\n"
    "  -f, --features N     length of the hashed vectors, a power of two from 64 to 65536 (4096)\n"
    "  -d, --dims N         length after the projection, from 8 to 4096 (256)\n"
    "  -b, --batch N        passages a step, from 1 to 65536 (512)\n"
    "  -w, --window N       steps in flight at once, from 1 to 64 (4)\n"
    "  -1, --once           only overlapped, without the comparison\n"
    "  -n, --no-progress    no progress bar (also when standard error is not a terminal)\n"
    "  -v, --verbose        name each file that is passed over\n"
    "  -V, --version        print the version\n"
    "  -h, --help           print this\n"
    "\n"
    "Exit status: 0 if passages were searched, 1 if there was nothing to search or the work failed, 2 for a bad "
    "option.\n"
    "HEADRACE_THREADS sets the number of workers.\n"
    "\n"
    "example: search -q 'memory ordering' -q 'lost wakeup' -k 3 ~/src\n";

static bool number(int *out, const char *name, const char *text, int least, int most) {
  char *end;
  errno = 0;
  long value = strtol(text, &end, 10);
  if (errno || end == text || *end || value < least || value > most) {
    fprintf(stderr, "search: --%s takes a whole number from %d to %d, not '%s'\n", name, least, most, text);
    return false;
  }
  *out = (int)value;
  return true;
}

static bool add_query(options *out, const char *text) {
  if (out->query_count == MAX_QUERIES) {
    fprintf(stderr, "search: more than %d queries\n", MAX_QUERIES);
    return false;
  }
  given_queries[out->query_count++] = text;
  return true;
}

static bool set(options *out, int option, const char *value) {
  switch (option) {
    case 'q': return add_query(out, value);
    case 'k': return number(&out->top, "top", value, 1, 1000);
    case 'f':
      if (!number(&out->features, "features", value, 64, 65536)) return false;
      if ((out->features & (out->features - 1)) == 0) return true;
      fprintf(stderr, "search: --features takes a power of two, not %d\n", out->features);
      return false;
    case 'd': return number(&out->dims, "dims", value, 8, 4096);
    case 'b': return number(&out->batch, "batch", value, 1, 65536);
    case 'w': return number(&out->window, "window", value, 1, 64);
    case '1': out->compare = false; return true;
    case 'n': out->progress = false; return true;
    case 'v': out->verbose = true; return true;
    default: return false; /* getopt has said what is wrong */
  }
}

static void use_defaults(options *out) {
  if (out->query_count == 0) {
    out->queries = usual_queries;
    out->query_count = sizeof usual_queries / sizeof *usual_queries;
  }
  for (size_t i = 0; out->path_count == 0 && i < sizeof usual_text / sizeof *usual_text; i++)
    if (access(usual_text[i], R_OK) == 0) {
      out->paths = &usual_text[i];
      out->path_count = sizeof usual_text / sizeof *usual_text - i;
    }
}

options_verdict options_parse(options *out, int argc, char **argv) {
  static const struct option names[] = {
      {"query", required_argument, NULL, 'q'},    {"top", required_argument, NULL, 'k'},
      {"features", required_argument, NULL, 'f'}, {"dims", required_argument, NULL, 'd'},
      {"batch", required_argument, NULL, 'b'},    {"window", required_argument, NULL, 'w'},
      {"once", no_argument, NULL, '1'},           {"no-progress", no_argument, NULL, 'n'},
      {"verbose", no_argument, NULL, 'v'},        {"version", no_argument, NULL, 'V'},
      {"help", no_argument, NULL, 'h'},           {NULL, 0, NULL, 0}};
  *out = (options){.queries = given_queries,
                   .top = 5,
                   .features = 4096,
                   .dims = 256,
                   .batch = 512,
                   .window = 4,
                   .compare = true,
                   .progress = isatty(STDERR_FILENO)};
  for (int option; (option = getopt_long(argc, argv, "q:k:f:d:b:w:1nvVh", names, NULL)) != -1;) {
    if (option == 'h' || option == 'V') {
      if (option == 'h')
        fputs(help, stdout);
      else
        printf("search (Headrace) %s\n", hr_version());
      return OPTIONS_DONE;
    }
    if (!set(out, option, optarg)) {
      fprintf(stderr, "Try 'search --help'.\n");
      return OPTIONS_BAD;
    }
  }
  out->paths = (const char *const *)argv + optind;
  out->path_count = (size_t)(argc - optind);
  use_defaults(out);
  return OPTIONS_RUN;
}
