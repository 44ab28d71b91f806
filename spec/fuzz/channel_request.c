/* A message of the channel: any bytes are a request or are refused with a sentence; the id that is answered is JSON by itself
 * and short enough for the answer, every text is ended, and the same bytes are always the same request. */
#include "serve/channel_request.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void require(bool holds) {
    if (!holds) abort();
}

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
    return 0;
}
