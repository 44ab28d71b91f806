/* Each kind is a genuine frame with one thing changed, so that nothing but that thing can be why it is refused. Values
 * that would be taken for a bar if they were let through stand far off any price. */
#include "sim/malformed.h"
#include <stdio.h>
#include <string.h>

enum { MINUTE_MS = 60000, N_DEEP = 2000, OVERSIZED_BYTES = 1 << 20, N_BINARY = 300 };
enum {
    CUT,
    GARBAGE,
    EMPTY,
    NOT_UTF8,
    BINARY,
    WRONG_TYPES,
    NO_FIELDS,
    NOT_A_NUMBER,
    NEGATIVE,
    DEEP,
    OVERSIZED,
    OTHER_EVENT
};

static void add_kline(writer *out, const char *symbol, int64_t open_ms, const char *prices, const char *volume) {
    writer_add_format(
        out, "{\"e\":\"kline\",\"E\":%lld,\"s\":\"%s\",\"k\":{\"t\":%lld,\"T\":%lld,\"s\":\"%s\",\"i\":\"1m\",",
        (long long)(open_ms + 1), symbol, (long long)open_ms, (long long)(open_ms + MINUTE_MS - 1), symbol);
    writer_add_format(out, "\"f\":1,\"L\":2,\"o\":%s,\"c\":%s,\"h\":%s,\"l\":%s,\"v\":%s,\"n\":2,\"x\":true,", prices,
                      prices, prices, prices, volume);
    writer_add_format(out, "\"q\":%s,\"V\":%s,\"Q\":%s,\"B\":\"0\"}}", volume, volume, volume);
}

static void add_payload(writer *out, int kind, const char *symbol, int64_t open_ms) {
    switch (kind) {
    case GARBAGE: writer_add(out, "<html>not a frame</html>"); break;
    case WRONG_TYPES: add_kline(out, symbol, open_ms, "99999999", "[1]"); break;
    case NO_FIELDS:
        writer_add_format(out, "{\"e\":\"kline\",\"E\":%lld,\"s\":\"%s\",\"k\":{\"i\":\"1m\",\"x\":true}}",
                          (long long)(open_ms + 1), symbol);
        break;
    case NOT_A_NUMBER: add_kline(out, symbol, open_ms, "\"NaN\"", "\"Infinity\""); break;
    case NEGATIVE: add_kline(out, symbol, open_ms, "\"-99999999.00000000\"", "\"-1.00000000\""); break;
    case DEEP:
        for (int i = 0; i < N_DEEP; i++) writer_add(out, "[");
        for (int i = 0; i < N_DEEP; i++) writer_add(out, "]");
        break;
    case OVERSIZED:
        writer_add_format(out, "{\"e\":\"kline\",\"E\":%lld,\"s\":\"%s\",\"padding\":\"", (long long)(open_ms + 1),
                          symbol);
        for (int i = 0; i < OVERSIZED_BYTES / 64; i++)
            writer_add(out, "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef");
        writer_add(out, "\"}");
        break;
    case OTHER_EVENT:
        writer_add_format(out, "{\"e\":\"marketMood\",\"E\":%lld,\"s\":\"%s\",\"mood\":[\"good\"]}",
                          (long long)(open_ms + 1), symbol);
        break;
    default: add_kline(out, symbol, open_ms, "\"99999999.00000000\"", "\"1.00000000\""); break;
    }
}

void malformed_frame(writer *out, int kind, const char *symbol, const char *stream, int64_t open_ms, bool is_combined,
                     bool *is_binary) {
    static const char not_utf8[] = "{\"e\":\"kline\",\"s\":\"\xff\xfe\xc0\x80\"}";
    writer_clear(out);
    *is_binary = kind == BINARY;
    if (kind == EMPTY) return;
    if (kind == BINARY) {
        for (int i = 0; i < N_BINARY; i++) writer_add_bytes(out, &(char){(char)(i * 37)}, 1);
        return;
    }
    if (kind == NOT_UTF8) {
        writer_add(out, not_utf8);
        return;
    }
    if (is_combined && kind != GARBAGE) writer_add_format(out, "{\"stream\":\"%s@kline_1m\",\"data\":", stream);
    add_payload(out, kind, symbol, open_ms);
    if (is_combined && kind != GARBAGE) writer_add(out, "}");
    if (kind == CUT) out->bytes = out->bytes / 2;
}
