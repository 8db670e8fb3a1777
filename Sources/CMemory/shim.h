// What a program can tell the allocator and the processor about its memory, and Swift has no name
// for.
#ifndef CMEMORY_H
#define CMEMORY_H

#include <malloc.h>

// Lets the processor fetch the cache line at `address` without waiting for it. Any address will do.
static inline void cmemory_prefetch(const void *_Nullable address) {
    __builtin_prefetch(address);
}

#endif
