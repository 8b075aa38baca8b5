/* src/base/version.c - the version; HR_VERSION_STRING comes from the file VERSION by way of the build. */
#include "headrace/version.h"

const char *hr_version(void) { return HR_VERSION_STRING; }
