/* src/base/version.c - the version, which the build takes from the file VERSION. */
#include "base/version.h"

#include "headrace/version.h"

const char *hr_version(void) { return HR_VERSION_STRING; }
