/* Texts that were cut, and texts that are none: whatever goes in, JSON takes what comes out. */
#include "base/utf8.h"
#include "spec/c/random.h"
#include "spec/c/tap.h"
#include <jansson.h>
#include <stdio.h>
#include <string.h>

static void test_known(void) {
    static const struct {
        const char *text, *expected;
    } rows[] = {
        {"", ""},
        {"plain", "plain"},
        {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x92\xbe", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x92\xbe"},
        {"a\xc3", "a"},
        {"a\xe2\x82", "a"},
        {"a\xf0\x9f\x92", "a"},
        {"\xf0", ""},
        {"a\xffz", "a?z"},
        {"\xe2\x82z", "??z"},
        {"\x80", "?"},
        {"\xc0\x80", "??"},
        {"\xed\xa0\x80", "???"},
        {"\xf4\x90\x80\x80", "????"},
        {"\xe2z", "?z"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[32];
        snprintf(text, sizeof text, "%s", rows[i].text);
        utf8_clean(text);
        ok(strcmp(text, rows[i].expected) == 0, "row %zu: \"%s\"", i, rows[i].expected);
    }
}

/* Jansson judges. */
static void test_random(void) {
    static const unsigned char bytes[] = {'a', 0x80, 0x9f, 0xbf, 0xc1, 0xc3, 0xe0, 0xe2, 0xed, 0xf0, 0xf4, 0xf5, 0xff};
    int n_refused = 0, n_changed = 0;
    random_state = tap_seed(1);
    for (int n = 0; n < 20000; n++) {
        char text[12] = "", before[12];
        int32_t length = below(sizeof text);
        for (int32_t i = 0; i < length; i++) text[i] = (char)bytes[below(sizeof bytes)];
        memcpy(before, text, sizeof text);
        json_t *whole = json_string(before);
        utf8_clean(text);
        json_t *cleaned = json_string(text);
        n_refused += cleaned == NULL;
        n_changed += whole && strcmp(before, text) != 0;
        json_decref(whole);
        json_decref(cleaned);
    }
    ok(n_refused == 0, "what is cleaned is UTF-8: %d are not", n_refused);
    ok(n_changed == 0, "what was UTF-8 stays: %d have changed", n_changed);
}

int main(void) {
    test_known();
    test_random();
    return done();
}
