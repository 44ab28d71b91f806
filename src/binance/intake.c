/* See intake.h. */
#include "binance/intake.h"
#include <string.h>

/* Id of the symbol by the name in a message, which may hold escapes. */
static bool find_symbol(const symbol_table *symbols, json_slice name, uint32_t *id) {
    char text[SYMBOL_BYTES];
    if (!name.has_escape) return symbol_table_find(symbols, name.at, name.bytes, id) == OK;
    return parse_text(name, text, sizeof text) == OK && symbol_table_find(symbols, text, strlen(text), id) == OK;
}

intake_result intake_admit(const symbol_table *symbols, const topics *t, json_slice name, uint8_t what,
                           uint32_t *symbol) {
    if (!find_symbol(symbols, name, symbol)) return INTAKE_UNKNOWN_SYMBOL;
    return topics_is_wanted(t, *symbol, what) ? INTAKE_TAKEN : INTAKE_UNWANTED;
}

intake_result intake_kline(const symbol_table *symbols, const topics *t, const parse_message *m, market_event *out) {
    uint32_t symbol;
    intake_result result = intake_admit(symbols, t, m->kline.symbol, (uint8_t)m->kline.interval, &symbol);
    if (result != INTAKE_TAKEN) return result;
    *out = (market_event){
        .bar = m->kline.bar,
        .event_ms = m->event_ms,
        .symbol = symbol,
        .interval = (uint8_t)m->kline.interval,
        .kind = m->kline.is_closed ? EVENT_BAR_CLOSED : EVENT_BAR_FORMING,
    };
    return INTAKE_TAKEN;
}
