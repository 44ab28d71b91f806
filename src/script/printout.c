/* See printout.h. */
#include "script/printout.h"
#include <stdio.h>

void printout_hold(printout *p, log_level level, const char *text) {
    if (p->n_held < PRINTOUT_LINES) {
        p->held[p->n_held].level = level;
        snprintf(p->held[p->n_held].text, PRINTOUT_BYTES, "%s", text);
    }
    p->n_held++;
}

void printout_drop(printout *p) { p->n_held = 0; }

static void begin_second(printout *p, int64_t second) {
    if (p->n_in_second > PRINTOUT_LINES)
        log_warn("script", "%d more lines of scripts in one second were left out", p->n_in_second - PRINTOUT_LINES);
    p->second = second;
    p->n_in_second = 0;
}

void printout_write(printout *p, int64_t now_ms, const char *who, const char *symbol) {
    if (p->n_held == 0) return;
    if (now_ms / 1000 != p->second) begin_second(p, now_ms / 1000);
    for (int32_t i = 0; i < p->n_held; i++)
        if (++p->n_in_second <= PRINTOUT_LINES && i < PRINTOUT_LINES)
            log_write(p->held[i].level, "script", "%s %s: %s", who, symbol, p->held[i].text);
    p->n_held = 0;
}
