/* What browsers may send, and what is no request: the parser alone. */
#include "serve/channel_request.h"
#include "spec/c/tap.h"
#include <stdlib.h>
#include <string.h>

static channel_request r;
static diag why;

static err parse(const char *text) {
    why.text[0] = 0;
    return channel_request_parse(text, strlen(text), &r, &why);
}

static void types(void) {
    ok(parse("ping") == OK && r.type == REQUEST_BARE_PING, "the bare text ping");
    ok(parse("{\"type\":\"ping\"}") == OK && r.type == REQUEST_PING && !*r.id, "a ping without data");
    ok(parse("{\"type\":\"pong\",\"data\":{}}") == OK && r.type == REQUEST_PONG, "a pong");
    ok(parse(" {\"data\":null,\"type\":\"pause_execution\",\"later\":[1]} ") == OK && r.type == REQUEST_PAUSE,
       "members in any order, and one of a later version");
    ok(parse("{\"type\":\"resume_execution\"}") == OK && r.type == REQUEST_GO_ON, "resume_execution");
    ok(parse("{\"type\":\"force_sync\"}") == OK && r.type == REQUEST_FORCE_SYNC, "force_sync");
    ok(parse("{\"type\":\"auth\",\"data\":{\"token\":\"tm_x\"}}") == OK && !strcmp(r.token, "tm_x"), "a token");
    ok(parse("{\"type\":\"auth\",\"data\":{\"token\":7}}") == OK && !*r.token,
       "a token that is none is judged as such");
}

static void ids(void) {
    char text[256], long_id[80];
    ok(parse("{\"type\":\"ping\",\"id\":7}") == OK && !strcmp(r.id, "7"), "an id that is an integer");
    ok(parse("{\"type\":\"ping\",\"id\":\"a\\\"b\\n\"}") == OK && !strcmp(r.id, "\"a\\\"b\\n\""), "one that is a text");
    ok(parse("{\"type\":\"ping\",\"id\":\"\xC3\xA4\"}") == OK && !strcmp(r.id, "\"\\u00E4\""), "in any language");
    ok(parse("{\"type\":\"ping\",\"id\":null}") == OK && !*r.id, "null is none");
    ok(parse("{\"type\":\"ping\",\"id\":1.5}") == ERR_INVALID, "a fraction is refused");
    ok(parse("{\"type\":\"ping\",\"id\":{}}") == ERR_INVALID, "an object is refused");
    memset(long_id, 'i', sizeof long_id);
    long_id[65] = 0;
    snprintf(text, sizeof text, "{\"type\":\"ping\",\"id\":\"%s\"}", long_id);
    ok(parse(text) == ERR_INVALID, "65 bytes are refused");
    snprintf(text, sizeof text, "{\"type\":\"ping\",\"id\":\"%s\"}", long_id + 1);
    ok(parse(text) == OK && strlen(r.id) == 66, "64 are taken");
    ok(parse("{\"type\":\"nonsense\",\"id\":\"x\"}") == ERR_NOT_FOUND && !strcmp(r.id, "\"x\""),
       "an unknown type is answered by its id");
    ok(parse("{\"type\":\"subscribe\",\"id\":3,\"data\":{}}") == ERR_INVALID && !strcmp(r.id, "3"), "so is bad data");
}

static void data(void) {
    ok(parse("{\"type\":\"resume\",\"data\":{\"session\":\"abc\",\"seq\":17}}") == OK && r.seq == 17 &&
           !strcmp(r.session, "abc"),
       "resume");
    ok(parse("{\"type\":\"resume\",\"data\":{\"session\":\"abc\"}}") == ERR_INVALID, "without a seq");
    ok(parse("{\"type\":\"resume\",\"data\":{\"session\":\"abc\",\"seq\":-1}}") == ERR_INVALID, "a negative one");
    ok(parse("{\"type\":\"resume\",\"data\":{\"session\":\"abc\",\"seq\":\"1\"}}") == ERR_INVALID, "a text");
    ok(parse("{\"type\":\"resume\",\"data\":{\"seq\":1}}") == ERR_INVALID && strstr(why.text, "session"), "no session");
    ok(parse("{\"type\":\"subscribe\",\"data\":{\"symbol\":\"BTCUSDT\",\"interval\":\"5m\"}}") == OK &&
           !strcmp(r.symbol, "BTCUSDT") && r.interval == INTERVAL_5M,
       "subscribe");
    ok(parse("{\"type\":\"subscribe\",\"data\":{\"symbol\":\"BTCUSDT\",\"interval\":\"7m\"}}") == ERR_INVALID,
       "no interval");
    ok(parse("{\"type\":\"subscribe\",\"data\":{\"symbol\":\"\",\"interval\":\"5m\"}}") == ERR_INVALID, "no symbol");
    ok(parse("{\"type\":\"unsubscribe\"}") == OK && !*r.symbol, "unsubscribe from all");
    ok(parse("{\"type\":\"unsubscribe\",\"data\":{\"interval\":\"5m\"}}") == ERR_INVALID, "from half a topic");
    ok(parse("{\"type\":\"config_update\",\"data\":{\"traders\":[{\"id\":1}],\"version\":12}}") == OK &&
           !strcmp(r.version, "12") && r.has_traders,
       "config_update as the original sends it");
    const char *update = "{\"type\":\"config_update\",\"data\":{\"traders\":[{\"id\":1, \"enabled\":true}]}}";
    char *traders = channel_request_traders(update, strlen(update));
    ok(traders && !strcmp(traders, "[{\"id\":1,\"enabled\":true}]"), "with its traders");
    free(traders);
    ok(parse("{\"type\":\"config_update\",\"data\":{}}") == OK && !*r.version && !r.has_traders, "and an empty one");
    ok(parse("{\"type\":\"config_update\",\"data\":{\"traders\":{}}}") == ERR_INVALID, "traders that are no list");
    ok(parse("{\"type\":\"config_update\",\"data\":{\"version\":[1]}}") == ERR_INVALID && !*r.version, "no version");
    ok(parse("{\"type\":\"ping\",\"data\":[]}") == ERR_INVALID, "data that is no object");
}

static void garbage(void) {
    static const char *const texts[] = {"",
                                        "pin",
                                        "PING",
                                        "null",
                                        "[1,2,3]",
                                        "\"ping\"",
                                        "{\"type\":",
                                        "{\"type\":7}",
                                        "{\"typ\":\"ping\"}",
                                        "{\"type\":\"ping\"} x",
                                        "{\"type\":\"ping\",\"type\":\"pong\"}",
                                        "{'type':'ping'}",
                                        "{\"type\":\"ping\",}",
                                        "{\"type\":\"\xFF\"}"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        ok(parse(texts[i]) == ERR_SYNTAX && !*r.id, "no message: %s", i == 13 ? "no UTF-8" : texts[i]);
    ok(channel_request_parse("{\"type\":\"ping\"}\0", 16, &r, &why) == ERR_SYNTAX, "a zero behind it");
}

int main(void) {
    types();
    ids();
    data();
    garbage();
    return done();
}
