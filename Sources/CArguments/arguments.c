#include "CArguments.h"

static int32_t count;
static char **words;

// The C library hands over what main gets, before any code of Swift runs.
__attribute__((constructor)) static void keep(int argc, char **argv) {
    count = argc;
    words = argv;
}

int32_t argument_count(void) { return count; }

const char *argument(int32_t index) { return words[index]; }
