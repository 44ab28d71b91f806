/* See utf8.h. */
#include "base/utf8.h"
#include <stdbool.h>
#include <string.h>

static size_t wanted_bytes(unsigned char first) {
    return first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : first >= 0x80 ? 2 : 1;
}

size_t utf8_bytes(const char *text, size_t left) {
    const unsigned char *at = (const unsigned char *)text;
    if (at[0] < 0x80) return 1;
    size_t count = wanted_bytes(at[0]);
    if (at[0] < 0xC2 || at[0] > 0xF4 || left < count) return 0;
    for (size_t i = 1; i < count; i++)
        if ((at[i] & 0xC0) != 0x80) return 0;
    if ((at[0] == 0xE0 && at[1] < 0xA0) || (at[0] == 0xED && at[1] > 0x9F)) return 0;
    if ((at[0] == 0xF0 && at[1] < 0x90) || (at[0] == 0xF4 && at[1] > 0x8F)) return 0;
    return count;
}

static bool is_cut_off(const char *text, size_t left) {
    const unsigned char *at = (const unsigned char *)text;
    if (at[0] < 0xC2 || at[0] > 0xF4 || left >= wanted_bytes(at[0])) return false;
    for (size_t i = 1; i < left; i++)
        if ((at[i] & 0xC0) != 0x80) return false;
    return true;
}

void utf8_clean(char *text) {
    size_t bytes = strlen(text);
    for (size_t i = 0; i < bytes;) {
        size_t count = utf8_bytes(text + i, bytes - i);
        if (count == 0 && is_cut_off(text + i, bytes - i)) {
            text[i] = 0;
            return;
        }
        if (count == 0) text[i] = '?';
        i += count ? count : 1;
    }
}
