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

/* The head of any event: its kind, when it was, and of whom. */
static void add_head(writer *out, const char *event, const char *symbol, int64_t open_ms) {
    writer_add_format(out, "{\"e\":\"%s\",\"E\":", event);
    writer_add_int(out, open_ms + 1);
    writer_add_format(out, ",\"s\":\"%s\",", symbol);
}

static void add_kline(writer *out, const char *symbol, int64_t open_ms, const char *price, const char *volume) {
    add_head(out, "kline", symbol, open_ms);
    writer_add(out, "\"k\":{\"t\":");
    writer_add_int(out, open_ms);
    writer_add(out, ",\"T\":");
    writer_add_int(out, open_ms + MINUTE_MS - 1);
    writer_add_format(out, ",\"s\":\"%s\",\"i\":\"1m\",\"f\":1,\"L\":2,\"o\":%s,\"c\":%s,\"h\":%s,\"l\":%s,", symbol,
                      price, price, price, price);
    writer_add_format(out, "\"v\":%s,\"n\":2,\"x\":true,\"q\":%s,\"V\":%s,\"Q\":%s,\"B\":\"0\"}}", volume, volume,
                      volume, volume);
}

static void add_payload(writer *out, int kind, const char *symbol, int64_t open_ms) {
    switch (kind) {
    case GARBAGE: writer_add(out, "<html>not a frame</html>"); break;
    case WRONG_TYPES: add_kline(out, symbol, open_ms, "99999999", "[1]"); break;
    case NO_FIELDS:
        add_head(out, "kline", symbol, open_ms);
        writer_add(out, "\"k\":{\"i\":\"1m\",\"x\":true}}");
        break;
    case NOT_A_NUMBER: add_kline(out, symbol, open_ms, "\"NaN\"", "\"Infinity\""); break;
    case NEGATIVE: add_kline(out, symbol, open_ms, "\"-99999999.00000000\"", "\"-1.00000000\""); break;
    case DEEP:
        for (int i = 0; i < N_DEEP; i++) writer_add(out, "[");
        for (int i = 0; i < N_DEEP; i++) writer_add(out, "]");
        break;
    case OVERSIZED:
        add_head(out, "kline", symbol, open_ms);
        writer_add(out, "\"padding\":\"");
        for (int i = 0; i < OVERSIZED_BYTES / 64; i++)
            writer_add(out, "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef");
        writer_add(out, "\"}");
        break;
    case OTHER_EVENT:
        add_head(out, "marketMood", symbol, open_ms);
        writer_add(out, "\"mood\":[\"good\"]}");
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
