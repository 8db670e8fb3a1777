// Byte scanners as `static inline` functions, so that Swift inlines them. SSE2 on x86-64, NEON on
// arm64, plain 64-bit words elsewhere.
#ifndef CSCAN_H
#define CSCAN_H

#include "text.h"
#include "mask.h"

#endif
