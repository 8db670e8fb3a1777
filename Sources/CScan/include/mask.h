// WebSocket masking. Bytes are copied and masked in one pass; the source may be the target itself.
#ifndef CSCAN_MASK_H
#define CSCAN_MASK_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

// Writes `count` bytes of `from`, XORed with the four bytes at `key`, to `to`; the first byte meets
// key byte `phase & 3`. Returns non-zero if any byte written has its high bit set, that is, if it
// is not all ASCII.
static inline int cscan_unmask_copy(uint8_t *_Nonnull to, const uint8_t *_Nonnull from,
                                    size_t count, const uint8_t *_Nonnull key, unsigned phase) {
    uint8_t turned[8];
    for (unsigned i = 0; i < 8; i++) turned[i] = key[(phase + i) & 3];
    uint64_t word, mask, seen = 0;
    memcpy(&mask, turned, 8);
    size_t i = 0;
#if defined(__SSE2__)
    if (count >= 32) {
        const __m128i wide = _mm_set1_epi64x((long long)mask);
        __m128i bits = _mm_setzero_si128();
        for (; i + 16 <= count; i += 16) {
            __m128i block = _mm_xor_si128(_mm_loadu_si128((const __m128i *)(from + i)), wide);
            bits = _mm_or_si128(bits, block);
            _mm_storeu_si128((__m128i *)(to + i), block);
        }
        if (_mm_movemask_epi8(bits)) seen = 0x80;
    }
#endif
    for (; i + 8 <= count; i += 8) {
        memcpy(&word, from + i, 8);
        word ^= mask;
        seen |= word;
        memcpy(to + i, &word, 8);
    }
    for (; i < count; i++) {
        to[i] = from[i] ^ turned[i & 7];
        seen |= to[i];
    }
    return (seen & 0x8080808080808080ULL) != 0;
}

// Whether any of the bytes has its high bit set.
static inline int cscan_has_high_bit(const uint8_t *_Nonnull bytes, size_t count) {
    uint64_t word, seen = 0;
    size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        memcpy(&word, bytes + i, 8);
        seen |= word;
    }
    for (; i < count; i++) seen |= bytes[i];
    return (seen & 0x8080808080808080ULL) != 0;
}

#endif
