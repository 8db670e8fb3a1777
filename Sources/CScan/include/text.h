// JSON and UTF-8 text.
#ifndef CSCAN_TEXT_H
#define CSCAN_TEXT_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

/// Whether `count` bytes are the same at both places.
static inline bool cscan_equal(
    const uint8_t *_Nonnull left, const uint8_t *_Nonnull right, intptr_t count) {
    return memcmp(left, right, (size_t)count) == 0;
}

/// The first byte from `p` on that cannot stand for itself inside a JSON string: a quotation mark,
/// a backslash or a control character; `end` if there is none. Sets `*high` if a byte above 0x7f
/// was passed, which then is to be checked as UTF-8; never clears it.
static inline const uint8_t *_Nonnull cscan_json_plain(
    const uint8_t *_Nonnull p, const uint8_t *_Nonnull end, bool *_Nonnull high) {
#if defined(__SSE2__)
    const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\');
    const __m128i control = _mm_set1_epi8(0x1f);
    while (end - p >= 16) {
        const __m128i bytes = _mm_loadu_si128((const __m128i *)p);
        const __m128i stops = _mm_or_si128(
            _mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, backslash)),
            _mm_cmpeq_epi8(_mm_min_epu8(bytes, control), bytes));
        const unsigned mask = (unsigned)_mm_movemask_epi8(stops);
        const unsigned above = (unsigned)_mm_movemask_epi8(bytes);
        if (mask) {
            const int length = __builtin_ctz(mask);
            if (above & ((1u << length) - 1)) *high = true;
            return p + length;
        }
        if (above) *high = true;
        p += 16;
    }
#elif defined(__ARM_NEON)
    const uint8x16_t quote = vdupq_n_u8('"'), backslash = vdupq_n_u8('\\');
    const uint8x16_t space = vdupq_n_u8(0x20);
    while (end - p >= 16) {
        const uint8x16_t bytes = vld1q_u8(p);
        const uint8x16_t stops = vorrq_u8(
            vorrq_u8(vceqq_u8(bytes, quote), vceqq_u8(bytes, backslash)), vcltq_u8(bytes, space));
        if (vmaxvq_u8(stops)) break;
        if (vmaxvq_u8(bytes) & 0x80) *high = true;
        p += 16;
    }
#else
    const uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;
    while (end - p >= 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        const uint64_t q = word ^ (ones * '"'), b = word ^ (ones * '\\');
        const uint64_t stops =
            (((q - ones) & ~q) | ((b - ones) & ~b) | ((word - ones * 0x20) & ~word)) & tops;
        if (stops) break;
        if (word & tops) *high = true;
        p += 8;
    }
#endif
    while (p < end && *p != '"' && *p != '\\' && *p >= 0x20) {
        if (*p & 0x80) *high = true;
        p++;
    }
    return p;
}

/// Whether the bytes are UTF-8 as Unicode defines it: no overlong forms, no surrogates, nothing
/// above U+10FFFF.
static inline bool cscan_is_utf8(const uint8_t *_Nonnull p, const uint8_t *_Nonnull end) {
    const uint64_t tops = 0x8080808080808080u;
    const intptr_t length = end - p;
    // Short ASCII, the way of nearly every key and URI: two words that may overlap.
    if (length >= 8 && length <= 16) {
        uint64_t head, tail;
        memcpy(&head, p, 8);
        memcpy(&tail, end - 8, 8);
        if (!((head | tail) & tops)) return true;
    }
    while (p < end) {
        while (end - p >= 16) {
            uint64_t low, high;
            memcpy(&low, p, 8);
            memcpy(&high, p + 8, 8);
            if ((low | high) & tops) break;
            p += 16;
        }
        // The rest of an ASCII text, in one word that may overlap what was passed.
        if (length >= 8 && end - p <= 8) {
            uint64_t tail;
            memcpy(&tail, end - 8, 8);
            if (!(tail & tops)) return true;
        }
        if (p == end) return true;
        const uint8_t first = *p;
        if (first < 0x80) {
            p += 1;
        } else if (first < 0xc2) {
            return false;
        } else if (first < 0xe0) {
            if (end - p < 2 || (p[1] & 0xc0) != 0x80) return false;
            p += 2;
        } else if (first < 0xf0) {
            if (end - p < 3) return false;
            const uint8_t low = first == 0xe0 ? 0xa0 : 0x80, high = first == 0xed ? 0x9f : 0xbf;
            if (p[1] < low || p[1] > high || (p[2] & 0xc0) != 0x80) return false;
            p += 3;
        } else if (first < 0xf5) {
            if (end - p < 4) return false;
            const uint8_t low = first == 0xf0 ? 0x90 : 0x80, high = first == 0xf4 ? 0x8f : 0xbf;
            if (p[1] < low || p[1] > high || (p[2] & 0xc0) != 0x80 || (p[3] & 0xc0) != 0x80) {
                return false;
            }
            p += 4;
        } else {
            return false;
        }
    }
    return true;
}

#endif
