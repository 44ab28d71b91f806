#include "serve/http_query.h"
#include "script/trader.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARGUMENT_BYTES = 256, ARGUMENTS_BYTES = 2048, PAGE_DEFAULT = 100, KLINES_DEFAULT = 500, PLOTS_DEFAULT = 300 };

static const int64_t TIME_MAX_MS = 253402300800000; /* the year 10000 */

/* Takes one parameter; NULL: fine; else what was expected. `name` is its name, `value` what stands behind "=". */
typedef const char *(*take_fn)(void *filter, const char *name, const char *value);

/* The list of fragments ends at an empty one: what stands behind it would be left out without a word. */
static bool has_empty_argument(struct lws *wsi) {
    char all[ARGUMENTS_BYTES];
    int n = lws_hdr_copy(wsi, all, sizeof all, WSI_TOKEN_HTTP_URI_ARGS);
    return n <= 0 || all[0] == '&' || all[n - 1] == '&' || strstr(all, "&&");
}

static const char *each_argument(struct lws *wsi, take_fn take, void *filter) {
    char argument[ARGUMENT_BYTES];
    if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_URI_ARGS) == 0) return NULL;
    if (has_empty_argument(wsi))
        return "a parameter is empty, or all of them are too long; expected name=value&name=value";
    for (int i = 0; lws_hdr_fragment_length(wsi, WSI_TOKEN_HTTP_URI_ARGS, i) > 0; i++) {
        char *value;
        const char *problem;
        if (lws_hdr_copy_fragment(wsi, argument, sizeof argument, WSI_TOKEN_HTTP_URI_ARGS, i) < 0)
            return "a parameter is too long";
        value = strchr(argument, '=');
        if (!value) return "expected name=value";
        *value++ = 0;
        problem = take(filter, argument, value);
        if (problem) return problem;
    }
    return NULL;
}

static bool copy_value(char *to, size_t to_bytes, const char *value) {
    return value[0] && (size_t)snprintf(to, to_bytes, "%s", value) < to_bytes;
}

static const char *take_number(const char *value, int64_t least, int64_t most, int64_t *out, const char *expected) {
    char *end = NULL;
    errno = 0;
    long long number = value[0] >= '0' && value[0] <= '9' ? strtoll(value, &end, 10) : -1;
    if (errno || !end || *end || number < least || number > most) return expected;
    *out = number;
    return NULL;
}

static const char *take_limit(uint32_t *out, const char *value, uint32_t most) {
    int64_t limit = 0;
    const char *expected = most == SIGNAL_PAGE_MAX ? "expected limit=1..500"
                           : most == PLOT_BARS_MAX ? "expected limit=1..1000"
                                                   : "expected limit=1..2000";
    const char *problem = take_number(value, 1, most, &limit, expected);
    if (!problem) *out = (uint32_t)limit;
    return problem;
}

static const char *take_time(int64_t *out, const char *value) {
    return take_number(value, 1, TIME_MAX_MS, out, "expected a time in ms since 1970");
}

static const char *take_trader(char out[TRADER_KEY_BYTES], const char *value) {
    return copy_value(out, TRADER_KEY_BYTES, value) ? NULL : "expected trader=a trader's name or UUID";
}

static const char *take_symbol(char out[SYMBOL_BYTES], const char *value) {
    return copy_value(out, SYMBOL_BYTES, value) ? NULL : "expected symbol=a symbol's name";
}

static const char *take_interval(int32_t *out, const char *value) {
    *out = interval_parse(value, strlen(value));
    return *out >= 0 ? NULL : "expected interval=an interval such as 5m or 1h";
}

static const char *take_one_of(const char *const *names, size_t n, char *out, size_t bytes, const char *value,
                               const char *expected) {
    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i], value) == 0) return copy_value(out, bytes, value) ? NULL : expected;
    return expected;
}

static const char *take_cursor(int64_t *before_ms, char before_id[ID_BYTES], const char *value) {
    signal_filter place;
    if (signal_cursor_parse(value, &place) != OK) return "expected before=the \"next\" of an earlier answer";
    *before_ms = place.before_ms;
    memcpy(before_id, place.before_id, ID_BYTES);
    return NULL;
}

static const char *take_state(signal_filter *filter, const char *value) {
    filter->has_state = true;
    filter->state = signal_state_of(value);
    return strcmp(signal_state_name(filter->state), value) == 0
               ? NULL
               : "expected state=confirmed, provisional, withdrawn or historical";
}

static const char *take_status(signal_filter *filter, const char *value) {
    static const char *const names[] = {"new", "monitoring", "ready", "expired", "archived"};
    return take_one_of(names, sizeof names / sizeof *names, filter->status, sizeof filter->status, value,
                       "expected status=new, monitoring, ready, expired or archived");
}

static bool is(const char *name, const char *known) { return strcmp(name, known) == 0; }

static const char *take_for_signals(void *context, const char *name, const char *value) {
    signal_filter *filter = context;
    if (is(name, "limit")) return take_limit(&filter->limit, value, SIGNAL_PAGE_MAX);
    if (is(name, "trader")) return take_trader(filter->trader, value);
    if (is(name, "state")) return take_state(filter, value);
    if (is(name, "status")) return take_status(filter, value);
    if (is(name, "before")) return take_cursor(&filter->before_ms, filter->before_id, value);
    if (is(name, "symbol")) return take_symbol(filter->symbol, value);
    if (is(name, "from")) return take_time(&filter->from_ms, value);
    if (is(name, "to")) return take_time(&filter->to_ms, value);
    filter->has_interval = is(name, "interval");
    if (filter->has_interval) return take_interval(&filter->interval, value);
    return "the parameters are limit, before, symbol, trader, state, status, interval, from and to";
}

static const char *take_for_errors(void *context, const char *name, const char *value) {
    trader_error_filter *filter = context;
    if (is(name, "limit")) return take_limit(&filter->limit, value, TRADER_ERROR_PAGE_MAX);
    if (is(name, "trader")) return take_trader(filter->trader, value);
    return "the parameters are limit and trader";
}

static const char *take_for_analyses(void *context, const char *name, const char *value) {
    static const char *const decisions[] = {"enter_trade", "bad_setup", "wait"};
    analysis_filter *filter = context;
    char trader[TRADER_KEY_BYTES];
    const char *problem;
    if (is(name, "limit")) return take_limit(&filter->limit, value, SIGNAL_PAGE_MAX);
    if (is(name, "before")) return take_cursor(&filter->before_ms, filter->before_id, value);
    if (is(name, "symbol")) return take_symbol(filter->symbol, value);
    if (is(name, "signal"))
        return copy_value(filter->signal_id, sizeof filter->signal_id, value) ? NULL : "expected signal=its id";
    if (is(name, "decision"))
        return take_one_of(decisions, 3, filter->decision, sizeof filter->decision, value,
                           "expected decision=enter_trade, bad_setup or wait");
    if (!is(name, "trader")) return "the parameters are limit, before, signal, symbol, trader and decision";
    problem = take_trader(trader, value);
    if (!problem) trader_id_of(trader, filter->trader_id);
    return problem;
}

static const char *take_for_events(void *context, const char *name, const char *value) {
    event_filter *filter = context;
    if (is(name, "limit")) return take_limit(&filter->limit, value, EVENT_PAGE_MAX);
    if (is(name, "before")) return take_cursor(&filter->before_ms, filter->before_id, value);
    if (is(name, "type"))
        return copy_value(filter->type, sizeof filter->type, value) ? NULL : "expected type=a kind of event";
    return "the parameters are limit, before and type";
}

static const char *take_for_klines(void *context, const char *name, const char *value) {
    serve_bars *bars = context;
    if (is(name, "limit")) return take_limit(&bars->limit, value, KLINES_MAX);
    if (is(name, "before")) return take_time(&bars->before_ms, value);
    if (is(name, "symbol")) return take_symbol(bars->symbol, value);
    if (is(name, "interval")) return take_interval(&bars->interval, value);
    return "the parameters are symbol, interval, limit and before";
}

static const char *take_for_plots(void *context, const char *name, const char *value) {
    serve_bars *bars = context;
    if (is(name, "limit")) return take_limit(&bars->limit, value, PLOT_BARS_MAX);
    if (is(name, "trader")) return take_trader(bars->trader, value);
    if (is(name, "symbol")) return take_symbol(bars->symbol, value);
    if (is(name, "interval")) return take_interval(&bars->interval, value);
    return "the parameters are trader, symbol, interval and limit";
}

const char *http_query_signals(struct lws *wsi, signal_filter *out) {
    *out = (signal_filter){.limit = PAGE_DEFAULT};
    return each_argument(wsi, take_for_signals, out);
}

const char *http_query_trader_errors(struct lws *wsi, trader_error_filter *out) {
    *out = (trader_error_filter){.limit = PAGE_DEFAULT};
    return each_argument(wsi, take_for_errors, out);
}

const char *http_query_analyses(struct lws *wsi, analysis_filter *out) {
    *out = (analysis_filter){.limit = PAGE_DEFAULT};
    return each_argument(wsi, take_for_analyses, out);
}

const char *http_query_events(struct lws *wsi, event_filter *out) {
    *out = (event_filter){.limit = PAGE_DEFAULT};
    return each_argument(wsi, take_for_events, out);
}

const char *http_query_klines(struct lws *wsi, serve_bars *out) {
    *out = (serve_bars){.limit = KLINES_DEFAULT, .interval = -1};
    const char *problem = each_argument(wsi, take_for_klines, out);
    if (problem) return problem;
    return out->symbol[0] && out->interval >= 0 ? NULL : "expected symbol and interval";
}

const char *http_query_plots(struct lws *wsi, serve_bars *out) {
    *out = (serve_bars){.limit = PLOTS_DEFAULT, .interval = -1};
    const char *problem = each_argument(wsi, take_for_plots, out);
    if (problem) return problem;
    return out->symbol[0] && out->trader[0] ? NULL : "expected trader and symbol";
}
