#include "serve/http_query.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARGUMENT_BYTES = 256, PAGE_DEFAULT = 100 };

/* Takes one parameter; NULL: fine; else what was expected. `name` is its name, `value` what stands behind "=". */
typedef const char *(*take_fn)(void *filter, const char *name, const char *value);

static const char *each_argument(struct lws *wsi, take_fn take, void *filter) {
    char argument[ARGUMENT_BYTES];
    if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_URI_ARGS) == 0) return NULL;
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

static const char *take_limit(uint32_t *out, const char *value) {
    char *end = NULL;
    errno = 0;
    unsigned long limit = value[0] >= '0' && value[0] <= '9' ? strtoul(value, &end, 10) : 0;
    if (errno || limit < 1 || limit > SIGNAL_PAGE_MAX || *end) return "expected limit=1..500";
    *out = (uint32_t)limit;
    return NULL;
}

static const char *take_trader(char out[TRADER_KEY_BYTES], const char *value) {
    return copy_value(out, TRADER_KEY_BYTES, value) ? NULL : "expected trader=a trader's name or UUID";
}

static const char *take_state(signal_filter *filter, const char *value) {
    filter->has_state = true;
    filter->state = signal_state_of(value);
    return strcmp(signal_state_name(filter->state), value) == 0
               ? NULL
               : "expected state=confirmed, provisional, withdrawn or historical";
}

static const char *take_for_signals(void *context, const char *name, const char *value) {
    signal_filter *filter = context;
    if (strcmp(name, "limit") == 0) return take_limit(&filter->limit, value);
    if (strcmp(name, "trader") == 0) return take_trader(filter->trader, value);
    if (strcmp(name, "state") == 0) return take_state(filter, value);
    if (strcmp(name, "before") == 0)
        return signal_cursor_parse(value, filter) == OK ? NULL : "expected before=the \"next\" of an earlier answer";
    if (strcmp(name, "symbol") == 0)
        return copy_value(filter->symbol, sizeof filter->symbol, value) ? NULL : "expected symbol=a symbol's name";
    return "the parameters are limit, before, symbol, trader and state";
}

static const char *take_for_errors(void *context, const char *name, const char *value) {
    trader_error_filter *filter = context;
    if (strcmp(name, "limit") == 0) return take_limit(&filter->limit, value);
    if (strcmp(name, "trader") == 0) return take_trader(filter->trader, value);
    return "the parameters are limit and trader";
}

const char *http_query_signals(struct lws *wsi, signal_filter *out) {
    *out = (signal_filter){.limit = PAGE_DEFAULT};
    return each_argument(wsi, take_for_signals, out);
}

const char *http_query_trader_errors(struct lws *wsi, trader_error_filter *out) {
    *out = (trader_error_filter){.limit = PAGE_DEFAULT};
    return each_argument(wsi, take_for_errors, out);
}
