/* zlib, with its initializers, which are macros, as functions that Swift can see. */
#ifndef CZLIB_SHIM_H
#define CZLIB_SHIM_H

#include <zlib.h>

/* Prepares a compressor of raw DEFLATE data (RFC 1951) with a window of 2^bits bytes, 9 to 15. */
static inline int czlib_deflate_init(z_streamp stream, int bits, int memory_level)
{
    return deflateInit2(
        stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -bits, memory_level, Z_DEFAULT_STRATEGY);
}

/* Prepares an expander of raw DEFLATE data with a window of 2^bits bytes, 8 to 15. */
static inline int czlib_inflate_init(z_streamp stream, int bits)
{
    return inflateInit2(stream, -bits);
}

#endif
