/* What somebody says of traders: taken, refused with a reason, and held against what runs. */
#include "script/trader_overrides.h"
#include "script/trader_said.h"
#include "spec/c/tap.h"
#include <stdlib.h>
#include <string.h>

static trader_spec spec = {
    .key = "rsi",
    .is_enabled = true,
    .inputs = (char[]){"[{\"name\":\"length\",\"type\":\"int\",\"default\":14,\"value\":7},"
                       "{\"name\":\"source\",\"type\":\"string\",\"default\":\"close\",\"value\":\"open\"}]"},
};

static trader_said *said(const char *json) {
    trader_said *s = NULL;
    if (trader_said_new(json, &s) != OK) ok(false, "a list: %s", json);
    return s;
}

static void changes(const char *json, const trader_spec *of, const char *expected) {
    trader_said *s = said(json);
    char *change = trader_said_change(s, 0, of);
    ok(change && strcmp(change, expected) == 0, "%s: %s", json, change ? change : "nothing");
    free(change);
    trader_said_free(s);
}

static void faults(const char *json, const char *expected) {
    trader_said *s = said(json);
    const char *fault = trader_said_fault(s, 0);
    ok(expected ? fault && strstr(fault, expected) : !fault, "%s: %s", json, fault ? fault : "it is taken");
    trader_said_free(s);
}

static void laying(void) {
    trader_overrides *to = NULL, *from = NULL;
    diag why;
    if (trader_overrides_new("{\"a\":{\"enabled\":true},\"b\":{\"inputs\":{\"x\":1,\"y\":2}}}", &to, &why) != OK ||
        trader_overrides_new("{\"b\":{\"inputs\":{\"y\":3}},\"c\":{\"enabled\":false}}", &from, &why) != OK)
        ok(false, "two sets");
    ok(trader_overrides_lay(to, from, &why) == OK, "one is laid over another");
    char *text = trader_overrides_text(to);
    ok(text && strcmp(text,
                      "{\"a\":{\"enabled\":true},\"b\":{\"inputs\":{\"x\":1,\"y\":3}},\"c\":{\"enabled\":false}}") == 0,
       "what it says counts, and the rest stays");
    free(text);
    trader_overrides_free(to);
    trader_overrides_free(from);
}

int main(void) {
    trader_said *s = NULL;
    ok(trader_said_new("{}", &s) == ERR_SYNTAX && trader_said_new("[", &s) == ERR_SYNTAX, "what is no list");
    s = said("[{\"id\":\"a\"},{\"name\":\"b\"}]");
    ok(trader_said_count(s) == 2 && strcmp(trader_said_id(s, 0), "a") == 0 && !trader_said_id(s, 1), "who is meant");
    trader_said_free(s);
    faults("[{\"id\":\"a\",\"enabled\":null,\"inputs\":null,\"filter\":{\"code\":\"os.exit()\"}}]", NULL);
    faults("[{\"id\":\"a\",\"enabled\":false,\"inputs\":{\"n\":1,\"t\":\"x\",\"b\":true,\"z\":null}}]", NULL);
    faults("[7]", "with an id");
    faults("[{\"id\":1}]", "with an id");
    faults("[{\"id\":\"a\",\"enabled\":\"yes\"}]", "enabled");
    faults("[{\"id\":\"a\",\"inputs\":\"{}\"}]", "inputs: expected an object");
    faults("[{\"id\":\"a\",\"inputs\":{\"n\":[1]}}]", "inputs: expected numbers");
    changes("[{\"id\":\"rsi\",\"enabled\":true,\"inputs\":{\"length\":7.0,\"source\":\"open\"}}]", &spec, "");
    changes("[{\"id\":\"rsi\",\"enabled\":false,\"inputs\":{\"length\":9,\"source\":\"open\"}}]", &spec,
            "{\"enabled\":false,\"inputs\":{\"length\":9}}");
    changes("[{\"id\":\"rsi\",\"inputs\":{\"length\":null}}]", &spec, "{\"inputs\":{\"length\":null}}");
    changes("[{\"id\":\"rsi\",\"inputs\":{\"source\":7}}]", &spec, "{\"inputs\":{\"source\":7}}");
    changes("[{\"id\":\"rsi\",\"inputs\":{\"other\":1}}]", &spec, "{\"inputs\":{\"other\":1}}");
    changes("[{\"id\":\"rsi\",\"enabled\":true,\"name\":\"x\",\"filter\":{\"code\":\"y\"}}]", NULL,
            "{\"enabled\":true}");
    laying();
    return done();
}
