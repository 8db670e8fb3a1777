// What the C library can tell its allocator, and the Glibc module leaves out.

#include <malloc.h>
