/* One function per endpoint; each checks its parameters in the exchange's order and stops at the first fault, which
 * `fail` turns into the exchange's own words. */
#include "sim/rest.h"
#include "base/json_reader.h"
#include "market/interval.h"
#include "sim/frame.h"
#include <stdlib.h>
#include <string.h>

typedef struct call {
    const rest_request *request;
    const venue *venue;
    source *source;
    tape *tape;
    const faults *faults;
    int64_t now_ms;
    writer *body;
} call;

typedef int (*answer_fn)(call *c);

static int answer_ping(call *c);
static int answer_time(call *c);
static int answer_klines(call *c);
static int answer_ticker(call *c);
static int answer_exchange_info(call *c);
static uint32_t klines_weight(const rest_request *request);
static uint32_t ticker_weight(const rest_request *request);
static uint32_t futures_ticker_weight(const rest_request *request);

typedef struct price {
    uint32_t weight;
    uint32_t (*of)(const rest_request *request); /* where the parameters say what it costs; else NULL */
} price;

static const struct endpoint {
    const char *path; /* behind the venue's own part */
    answer_fn answer;
    price spot, futures;
} endpoints[] = {
    {"ping", answer_ping, {1, NULL}, {1, NULL}},
    {"time", answer_time, {1, NULL}, {1, NULL}},
    {"klines", answer_klines, {2, NULL}, {0, klines_weight}},
    {"ticker/24hr", answer_ticker, {0, ticker_weight}, {0, futures_ticker_weight}},
    {"exchangeInfo", answer_exchange_info, {20, NULL}, {1, NULL}},
};
enum { N_ENDPOINTS = sizeof endpoints / sizeof endpoints[0] };

/* Faults with a text of their own; %s is the parameter's name. */
enum { BAD_CHARACTERS = -1100, MISSING = -1102, BAD_COMBINATION = -1128, BAD_VALUE = -1130 };
enum { BAD_INTERVAL = -1120, BAD_SYMBOL = -1121, BAD_STATUS = -1122, OTHER_STATUS = -1220 };

static const struct refusal {
    int code;
    const char *message;
} refusals[] = {
    {BAD_CHARACTERS, "Illegal characters found in parameter '%s'."},
    {MISSING, "Mandatory parameter '%s' was not sent, was empty/null, or malformed."},
    {BAD_COMBINATION, "Combination of optional parameters invalid."},
    {BAD_VALUE, "Data sent for parameter '%s' is not valid."},
    {BAD_INTERVAL, "Invalid interval."},
    {BAD_SYMBOL, "Invalid symbol."},
    {BAD_STATUS, "Invalid symbolStatus."},
    {OTHER_STATUS, "The symbol's status does not match the requested symbolStatus."},
};

/* NULL: no such path. */
static const struct endpoint *find_endpoint(const char *path, const venue *v) {
    size_t bytes = strlen(v->rest);
    for (int i = 0; i < N_ENDPOINTS; i++)
        if (strncmp(path, v->rest, bytes) == 0 && strcmp(path + bytes, endpoints[i].path) == 0) return &endpoints[i];
    return NULL;
}

uint32_t rest_weight(const rest_request *request, const venue *v) {
    const struct endpoint *found = find_endpoint(request->path, v);
    if (!found) return 1;
    const price *p = v->is_futures ? &found->futures : &found->spot;
    return p->of ? p->of(request) : p->weight;
}

bool rest_is_time(const rest_request *request, const venue *v) {
    const struct endpoint *found = find_endpoint(request->path, v);
    return found && found->answer == answer_time;
}

int rest_answer(const rest_request *request, const venue *v, source *s, tape *t, const faults *f, int64_t now_ms,
                writer *body) {
    call c = {request, v, s, t, f, now_ms, body};
    const struct endpoint *found = find_endpoint(request->path, v);
    writer_clear(body);
    if (!found) {
        writer_add(body, "<html><body><h2>404 Not found</h2></body></html>");
        return 404;
    }
    int status = found->answer(&c);
    if (!body->failed) return status;
    writer_clear(body);
    rest_error(body, -1000, "An unknown error occurred while processing the request.");
    return 500;
}

void rest_error(writer *body, int code, const char *message) {
    writer_add_format(body, "{\"code\":%d,\"msg\":", code);
    writer_add_json(body, message, strlen(message));
    writer_add(body, "}");
}

/* ---- parameters ---- */

static int fail(call *c, int code, const char *parameter) {
    const struct refusal *f = refusals;
    while (f->code != code) f++;
    const char *hole = strstr(f->message, "%s");
    size_t before = hole ? (size_t)(hole - f->message) : strlen(f->message);
    writer_clear(c->body);
    writer_add_format(c->body, "{\"code\":%d,\"msg\":\"", code);
    writer_add_bytes(c->body, f->message, before);
    if (hole) {
        writer_add(c->body, parameter);
        writer_add(c->body, hole + 2);
    }
    writer_add(c->body, "\"}");
    return 400;
}

/* NULL when absent. */
static const char *find_arg(const rest_request *request, const char *name) {
    size_t bytes = strlen(name);
    for (size_t i = 0; i < request->n_args; i++)
        if (strncmp(request->args[i], name, bytes) == 0 && request->args[i][bytes] == '=')
            return request->args[i] + bytes + 1;
    return NULL;
}

/* Digits only; `fallback` when absent. False when it is something else. */
static bool read_number(const rest_request *request, const char *name, int64_t fallback, int64_t *out) {
    const char *value = find_arg(request, name);
    *out = fallback;
    if (!value) return true;
    size_t bytes = strlen(value);
    if (bytes == 0 || bytes > 18 || strspn(value, "0123456789") != bytes) return false;
    *out = strtoll(value, NULL, 10);
    return true;
}

/* ms or us, told apart by magnitude. */
static bool read_time(const rest_request *request, const char *name, int64_t fallback, int64_t *out) {
    if (!read_number(request, name, fallback, out)) return false;
    if (find_arg(request, name) && *out >= INT64_C(100000000000000)) *out /= 1000;
    return true;
}

static bool is_symbol_text(const char *at, size_t bytes) {
    for (size_t i = 0; i < bytes; i++) {
        unsigned char c = (unsigned char)at[i];
        bool is_good = (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("-_.", c) || c >= 0x80;
        if (c == '\0' || !is_good) return false;
    }
    return bytes > 0 && bytes < SYMBOL_BYTES;
}

/* 0 or the fault. */
static int find_symbol(const call *c, const char *at, size_t bytes, uint32_t *symbol) {
    if (!is_symbol_text(at, bytes)) return BAD_CHARACTERS;
    if (source_find(c->source, at, bytes, symbol) != OK) return BAD_SYMBOL;
    return source_at(c->source, *symbol)->is_hidden ? BAD_SYMBOL : 0;
}

/* `symbols`: a JSON array of names. The caller frees `*out`. 0 or the fault. */
static int find_symbols(const call *c, const char *value, uint32_t **out, size_t *count) {
    json_reader r;
    json_slice name;
    int wrong = 0;
    size_t bytes = strlen(value);
    uint32_t *list = malloc((bytes / 3 + 1) * sizeof *list); /* a name takes at least "A" and a comma */
    *count = 0;
    *out = list;
    if (!list) return BAD_VALUE;
    json_reader_init(&r, value, bytes);
    if (!json_enter_array(&r)) return BAD_CHARACTERS;
    while (wrong == 0 && json_next_item(&r)) {
        if (!json_string(&r, &name)) return BAD_CHARACTERS;
        wrong = find_symbol(c, name.at, name.bytes, &list[*count]);
        if (wrong == 0) ++*count;
    }
    if (wrong == 0 && (!json_finish(&r) || *count == 0)) wrong = BAD_CHARACTERS;
    return wrong;
}

static bool is_status(const char *status) {
    return strcmp(status, "TRADING") == 0 || strcmp(status, "HALT") == 0 || strcmp(status, "BREAK") == 0 ||
           strcmp(status, "END_OF_DAY") == 0 || strcmp(status, "CANCEL_ONLY") == 0;
}

static bool has_status(const call *c, uint32_t symbol, const char *status) {
    const symbol_info *info = &source_at(c->source, symbol)->info;
    return !status || strcmp(status, info->is_trading ? "TRADING" : "BREAK") == 0;
}

/* The symbols that `symbol`, `symbols` or neither (then all) name. 0 or the fault; the caller frees `*out` in any case. */
static int chosen_symbols(const call *c, uint32_t **out, size_t *count, const char **parameter) {
    const char *one = find_arg(c->request, "symbol"), *many = find_arg(c->request, "symbols");
    *out = NULL;
    *count = 0;
    *parameter = one ? "symbol" : "symbols";
    if (one && many) return BAD_COMBINATION;
    if (many) return find_symbols(c, many, out, count);
    uint32_t n = source_count(c->source);
    *out = malloc((n + 1) * sizeof **out);
    if (!*out) return BAD_VALUE;
    if (one) {
        *count = 1;
        return find_symbol(c, one, strlen(one), *out);
    }
    for (uint32_t i = 0; i < n; i++)
        if (!source_at(c->source, i)->is_hidden) (*out)[(*count)++] = i;
    return 0;
}

/* ---- endpoints ---- */

static int answer_ping(call *c) {
    writer_add(c->body, "{}");
    return 200;
}

static int answer_time(call *c) {
    writer_add(c->body, "{\"serverTime\":");
    writer_add_int(c->body, c->now_ms);
    writer_add(c->body, "}");
    return 200;
}

static bool is_utc(const char *zone) {
    return strcmp(zone, "0") == 0 || strcmp(zone, "00:00") == 0 || strcmp(zone, "+00:00") == 0 ||
           strcmp(zone, "-00:00") == 0 || strcmp(zone, "0:00") == 0;
}

static int add_klines(call *c, uint32_t symbol, enum interval interval, int64_t start_ms, int64_t end_ms, bool newest,
                      size_t limit) {
    size_t count;
    kline *bars = malloc(limit * sizeof *bars);
    if (!bars || tape_klines(c->tape, symbol, interval, start_ms, end_ms, newest, bars, limit, &count) != OK) {
        free(bars);
        c->body->failed = true;
        return 500;
    }
    writer_add(c->body, "[");
    for (size_t i = 0; i < count; i++) {
        if (i > 0) writer_add(c->body, ",");
        if (faults_shows_distorted(c->faults, symbol, interval, &bars[i], c->now_ms - faults_skew_ms(c->faults)))
            faults_distort(&source_at(c->source, symbol)->info, &bars[i]);
        frame_kline_row(c->body, interval, &bars[i]);
    }
    writer_add(c->body, "]");
    free(bars);
    return 200;
}

static int answer_klines(call *c) {
    const char *name = find_arg(c->request, "symbol"), *interval_text = find_arg(c->request, "interval");
    const char *zone = find_arg(c->request, "timeZone");
    uint32_t symbol;
    int64_t start_ms, end_ms, limit;
    if (!name || !*name) return fail(c, MISSING, "symbol");
    if (!interval_text || !*interval_text) return fail(c, MISSING, "interval");
    int wrong = find_symbol(c, name, strlen(name), &symbol);
    if (wrong) return fail(c, wrong, "symbol");
    int32_t interval = interval_parse(interval_text, strlen(interval_text));
    if (interval < 0) return fail(c, BAD_INTERVAL, "interval");
    if (!read_time(c->request, "startTime", INT64_MIN, &start_ms)) return fail(c, BAD_CHARACTERS, "startTime");
    if (!read_time(c->request, "endTime", INT64_MAX - 1, &end_ms)) return fail(c, BAD_CHARACTERS, "endTime");
    if (!read_number(c->request, "limit", 500, &limit)) return fail(c, BAD_CHARACTERS, "limit");
    if (limit == 0) return fail(c, BAD_VALUE, "limit");
    /* Bars that open at other zones' midnights are not simulated: said, rather than answered wrongly. */
    if (zone && !is_utc(zone)) return fail(c, BAD_VALUE, "timeZone");
    if (limit > c->venue->max_klines) limit = c->venue->max_klines;
    bool newest = !find_arg(c->request, "startTime");
    return add_klines(c, symbol, (enum interval)interval, start_ms, end_ms, newest, (size_t)limit);
}

static int answer_ticker(call *c) {
    const char *type = find_arg(c->request, "type"), *status = find_arg(c->request, "symbolStatus");
    bool is_mini = type && strcmp(type, "MINI") == 0, is_one = find_arg(c->request, "symbol") != NULL, any = false;
    const char *parameter;
    uint32_t *symbols;
    size_t count;
    int wrong = chosen_symbols(c, &symbols, &count, &parameter);
    if (!wrong && type && !is_mini && strcmp(type, "FULL") != 0) wrong = BAD_VALUE, parameter = "type";
    if (!wrong && status && !is_status(status)) wrong = BAD_STATUS;
    if (!wrong && is_one && !has_status(c, symbols[0], status)) wrong = OTHER_STATUS;
    if (!is_one) writer_add(c->body, "[");
    for (size_t i = 0; !wrong && i < count; i++) {
        tape_ticker ticker;
        if (!has_status(c, symbols[i], status)) continue;
        if (!tape_ticker_of(c->tape, symbols[i], &ticker) && !is_one) continue; /* not listed yet */
        if (any) writer_add(c->body, ",");
        any = true;
        frame_rest_ticker(c->body, source_at(c->source, symbols[i])->info.name, &ticker,
                          c->venue->is_futures ? TICKER_FUTURES
                          : is_mini            ? TICKER_MINI
                                               : TICKER_FULL);
    }
    if (!is_one) writer_add(c->body, "]");
    free(symbols);
    return wrong ? fail(c, wrong, parameter) : 200;
}

/* The default limit is 500. */
static uint32_t klines_weight(const rest_request *request) {
    int64_t limit;
    if (!read_number(request, "limit", 500, &limit)) return 1;
    return limit < 100 ? 1 : limit < 500 ? 2 : limit <= 1000 ? 5 : 10;
}

static uint32_t futures_ticker_weight(const rest_request *request) { return find_arg(request, "symbol") ? 1 : 40; }

static uint32_t ticker_weight(const rest_request *request) {
    if (find_arg(request, "symbol")) return 2;
    const char *many = find_arg(request, "symbols");
    if (!many) return 80;
    size_t count = 1;
    for (const char *at = many; *at; at++) count += *at == ',';
    return count <= 20 ? 2 : count <= 100 ? 40 : 80;
}

/* `permissions`: SPOT, or a JSON array of names. All symbols here are spot symbols. */
static bool wants_spot(const char *permissions) { return !permissions || strstr(permissions, "SPOT") != NULL; }

/* Futures are told of as a whole: the request has no parameters. */
static int answer_futures_info(call *c) {
    bool any = false;
    frame_futures_head(c->body, c->now_ms, c->venue->weight_per_minute);
    for (uint32_t i = 0; i < source_count(c->source); i++) {
        const source_symbol *symbol = source_at(c->source, i);
        if (symbol->is_hidden) continue;
        if (any) writer_add(c->body, ",");
        any = true;
        frame_futures_info(c->body, &symbol->info, symbol->first_ms);
    }
    writer_add(c->body, "]}");
    return 200;
}

static int answer_exchange_info(call *c) {
    if (c->venue->is_futures) return answer_futures_info(c);
    const char *status = find_arg(c->request, "symbolStatus"), *permissions = find_arg(c->request, "permissions");
    const char *show_sets = find_arg(c->request, "showPermissionSets"), *parameter;
    bool is_narrowed = find_arg(c->request, "symbol") || find_arg(c->request, "symbols"), any = false;
    uint32_t *symbols;
    size_t count;
    int wrong = chosen_symbols(c, &symbols, &count, &parameter);
    if (!wrong && is_narrowed && (status || permissions)) wrong = BAD_COMBINATION;
    if (!wrong && status && !is_status(status)) wrong = BAD_STATUS;
    if (!wrong && show_sets && strcmp(show_sets, "true") != 0 && strcmp(show_sets, "false") != 0)
        wrong = BAD_VALUE, parameter = "showPermissionSets";
    writer_add(c->body, "{\"timezone\":\"UTC\",\"serverTime\":");
    writer_add_int(c->body, c->now_ms);
    writer_add(c->body, ",\"rateLimits\":");
    frame_rate_limits(c->body);
    writer_add(c->body, ",\"exchangeFilters\":[],\"symbols\":[");
    for (size_t i = 0; !wrong && wants_spot(permissions) && i < count; i++) {
        if (!has_status(c, symbols[i], status)) continue;
        if (any) writer_add(c->body, ",");
        any = true;
        frame_symbol_info(c->body, &source_at(c->source, symbols[i])->info,
                          !show_sets || strcmp(show_sets, "true") == 0);
    }
    writer_add(c->body, "]}");
    free(symbols);
    return wrong ? fail(c, wrong, parameter) : 200;
}
