/* Messages as the exchange sends them. */
#pragma once
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* A kline of the bar 1699999980000 on a combined stream; the text is overwritten by the next call. */
static const char *kline_text(const char *symbol, const char *interval, int64_t event_ms, bool is_closed) {
    static char text[1024];
    snprintf(text, sizeof text,
             "{\"stream\":\"x\",\"data\":{\"e\":\"kline\",\"E\":%" PRId64
             ",\"s\":\"%s\",\"k\":{\"t\":1699999980000,\"T\":1700000039999,\"s\":\"%s\",\"i\":\"%s\",\"f\":1,\"L\":9,"
             "\"o\":\"100.5\",\"c\":\"101.25\",\"h\":\"102\",\"l\":\"99.75\",\"v\":\"10.5\",\"n\":9,\"x\":%s,"
             "\"q\":\"1060.5\",\"V\":\"4\",\"Q\":\"404\",\"B\":\"0\"}}}",
             event_ms, symbol, symbol, interval, is_closed ? "true" : "false");
    return text;
}
