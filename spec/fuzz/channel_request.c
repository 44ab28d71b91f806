/* A message of a browser: any bytes are taken or refused; every text in the request is terminated, its id and version are JSON
 * again, and what is taken is taken the same with white space around it. What it says of traders is refused with a reason, or is
 * JSON. */
#include "serve/channel_request.h"
#include "script/trader_said.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void require(bool holds) {
    if (!holds) abort();
}

static bool is_terminated(const char *text, size_t bytes) { return memchr(text, 0, bytes) != NULL; }

static bool is_json(const char *text) {
    json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);
    json_decref(value);
    return value != NULL;
}

static bool is_same(const channel_request *a, const channel_request *b) {
    return a->type == b->type && !strcmp(a->id, b->id) && !strcmp(a->token, b->token) && a->seq == b->seq &&
           !strcmp(a->session, b->session) && !strcmp(a->symbol, b->symbol) && a->interval == b->interval &&
           !strcmp(a->version, b->version) && a->has_traders == b->has_traders;
}

static void check_traders(const char *text, size_t bytes) {
    char *list = channel_request_traders(text, bytes);
    trader_said *said = NULL;
    require(list && trader_said_new(list, &said) == OK);
    for (size_t i = 0; i < trader_said_count(said); i++) {
        if (trader_said_fault(said, i)) continue;
        char *change = trader_said_change(said, i, NULL);
        require(change && trader_said_id(said, i) && (!*change || is_json(change)));
        free(change);
    }
    trader_said_free(said);
    free(list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    channel_request r, again;
    diag why;
    err e = channel_request_parse((const char *)data, bytes, &r, &why);
    require(is_terminated(r.id, sizeof r.id) && is_terminated(r.token, sizeof r.token) &&
            is_terminated(r.session, sizeof r.session) && is_terminated(r.symbol, sizeof r.symbol) &&
            is_terminated(r.version, sizeof r.version));
    require(!*r.id || is_json(r.id));
    if (e != OK) {
        require((e == ERR_SYNTAX || e == ERR_INVALID || e == ERR_NOT_FOUND) &&
                is_terminated(why.text, sizeof why.text));
        return 0;
    }
    require(!*r.version || is_json(r.version));
    require(r.interval >= 0 && r.interval < N_INTERVALS);
    if (r.type == REQUEST_SUBSCRIBE) require(*r.symbol);
    if (r.type == REQUEST_RESUME) require(*r.session);
    if (r.has_traders) check_traders((const char *)data, bytes);
    if (r.type == REQUEST_BARE_PING) return 0;
    char *wide = malloc(bytes + 2);
    require(wide);
    wide[0] = ' ';
    memcpy(wide + 1, data, bytes);
    wide[bytes + 1] = '\n';
    require(channel_request_parse(wide, bytes + 2, &again, &why) == OK && is_same(&r, &again));
    free(wide);
    return 0;
}
