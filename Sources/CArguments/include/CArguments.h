// The words that this process was started with. Swift's own list of them is looked for behind
// `environ` or in /proc: it is empty where a preloaded library has moved the one, or the other is
// not there.
#ifndef CARGUMENTS_H
#define CARGUMENTS_H

#include <stdint.h>

/// How many words there are, the name of the program among them.
int32_t argument_count(void);

/// One of them, which ends with a NUL and lasts as long as the process.
const char *_Nonnull argument(int32_t index);

#endif
