<<<<<<< HEAD
/* A message of the channel: any bytes are a request or are refused with a sentence; the id that is answered is JSON by itself
 * and short enough for the answer, every text is ended, and the same bytes are always the same request. */
=======
/* A message of a browser: any bytes are taken or refused; every text in the request is terminated, its id and version are JSON
 * again, and what is taken is taken the same with white space around it. */
>>>>>>> channel
#include "serve/channel_request.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void require(bool holds) {
    if (!holds) abort();
}

<<<<<<< HEAD
#define IS_ENDED(text) (memchr((text), 0, sizeof(text)) != NULL)

/* A text or an integer, as it is put into an answer. */
static void require_id(const char *id) {
    if (!*id) return;
    json_t *value = json_loads(id, JSON_DECODE_ANY, NULL);
    require(json_is_string(value) || json_is_integer(value));
    json_decref(value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    static channel_request request, again;
    diag why = {""}, reason = {""};
    err failed = channel_request_parse((const char *)data, bytes, &request, &why);
    require(!failed || failed == ERR_SYNTAX || failed == ERR_NOT_FOUND || failed == ERR_INVALID);
    require(!failed == !*why.text);
    require(IS_ENDED(request.id));
    require_id(request.id);
    require(channel_request_parse((const char *)data, bytes, &again, &reason) == failed &&
            strcmp(again.id, request.id) == 0 && strcmp(reason.text, why.text) == 0);
    if (failed) return 0;
    require(IS_ENDED(request.token) && IS_ENDED(request.session) && IS_ENDED(request.symbol) &&
            IS_ENDED(request.version));
    require(again.type == request.type && strcmp(again.token, request.token) == 0);
    if (request.type == REQUEST_SUBSCRIBE) require(*request.symbol);
=======
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
    if (r.type == REQUEST_BARE_PING) return 0;
    char *wide = malloc(bytes + 2);
    require(wide);
    wide[0] = ' ';
    memcpy(wide + 1, data, bytes);
    wide[bytes + 1] = '\n';
    require(channel_request_parse(wide, bytes + 2, &again, &why) == OK && is_same(&r, &again));
    free(wide);
>>>>>>> channel
    return 0;
}
