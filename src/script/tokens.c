/* Every model cuts texts in its own way. Those that cut digits one by one make most of a table of prices, so that is what is
 * counted here: for the others it is too much. */
#include "script/tokens.h"

typedef enum kind { LETTER, BLANK, SINGLE, FOREIGN, N_KINDS } kind;

static kind kind_of(unsigned char c) {
    if (c >= 128) return FOREIGN;
    if (c == ' ') return BLANK;
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ? LETTER : SINGLE;
}

int32_t script_tokens(const char *text, size_t bytes) {
    static const int32_t per_token[N_KINDS] = {[LETTER] = 4, [SINGLE] = 1, [FOREIGN] = 2};
    int32_t total = 0;
    for (size_t at = 0; at < bytes;) {
        kind k = kind_of((unsigned char)text[at]);
        int32_t run = 0;
        for (; at < bytes && kind_of((unsigned char)text[at]) == k; at++) run++;
        if (k != BLANK) total += (run + per_token[k] - 1) / per_token[k];
    }
    return total;
}
