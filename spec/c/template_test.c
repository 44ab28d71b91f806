/* Texts with names in braces: every name, and what is no name, each with its sentence. */
#include "script/template.h"
#include "spec/c/tap.h"
#include <string.h>

static bool is_good(const char *text) {
    char why[512];
    bool is = template_check(text, strlen(text), why, sizeof why) == 0;
    if (!is) printf("# %s\n", why);
    return is && !*why;
}

static bool says(const char *text, const char *sentence) {
    char why[512];
    bool is = template_check(text, strlen(text), why, sizeof why) == -1 && strstr(why, sentence);
    if (!is) printf("# %s: %s\n", text, why);
    return is;
}

static void test_names(void) {
#define X(id, text) text,
    static const char *const names[] = {TEMPLATE_NAMES(X)};
#undef X
    int n_good = 0;
    for (size_t i = 0; i < N_TEMPLATE_NAMES; i++) {
        char text[64];
        bool takes = i == TEMPLATE_PLOT || i == TEMPLATE_VALUE;
        snprintf(text, sizeof text, takes ? "{{%s(\"x\")}}" : "{{%s}}", names[i]);
        n_good += is_good(text);
    }
    ok(n_good == N_TEMPLATE_NAMES, "all %d names are known", N_TEMPLATE_NAMES);
    ok(is_good("{{ticker}} {{price}} {{syminfo.basecurrency}} {{plot_0}} {{plot_19}} {{ close }} {{plot( 'a b' )}}"),
       "so are those of Pine Script, and blanks count for nothing");
    ok(is_good("plain, with { one } brace and }}"), "a single brace is plain text");
}

static void test_parts(void) {
    const char text[] = "a {{symbol}}{{plot(\"RSI 14\")}}\n{{plot_7}}";
    const char *at = text, *end = text + strlen(text);
    template_part part;
    diag why;
    ok(template_next(&at, end, &part, &why) && part.name == TEMPLATE_PLAIN && part.bytes == 2,
       "plain text comes first");
    ok(template_next(&at, end, &part, &why) && part.name == TEMPLATE_SYMBOL, "then a name");
    ok(template_next(&at, end, &part, &why) && part.name == TEMPLATE_PLOT && part.bytes == 6 &&
           memcmp(part.text, "RSI 14", 6) == 0 && part.index == -1,
       "then a plot by its title");
    ok(template_next(&at, end, &part, &why) && part.name == TEMPLATE_PLAIN && part.bytes == 1, "a line break");
    ok(template_next(&at, end, &part, &why) && part.name == TEMPLATE_PLOT && part.index == 7 && !part.text,
       "and a plot by its number");
    ok(!template_next(&at, end, &part, &why) && !*why.text, "that is the end");
}

static void test_refused(void) {
    ok(says("{{simbol}}", "{{simbol}} is no name; did you mean {{symbol}}?"), "a misspelt name");
    ok(says("{{xyzzy}}", "is no name; known are symbol"), "one that is like nothing");
    ok(says("{{strategy.order.action}}", "is no name"), "one of Pine Script that means nothing here");
    ok(says("x {{symbol", "\"{{\" without \"}}\""), "braces that are not closed");
    ok(says("{{}}", "is no name such as"), "nothing in them");
    ok(says("{{symbol close}}", "is no name such as"), "two names");
    ok(says("{{plot}}", "needs a title in quotes"), "a plot without a title");
    ok(says("{{plot(RSI)}}", "needs a title in quotes"), "a title without quotes");
    ok(says("{{plot(\"\")}}", "needs a title in quotes"), "an empty title");
    ok(says("{{plot(\"a\"}}", "needs a title in quotes"), "no bracket behind it");
    ok(says("{{plot_32}}", "is no name"), "a plot that nobody can have");
    ok(says("", "it has 0 bytes"), "an empty text");
    static char big[TEMPLATE_MAX_BYTES + 2];
    memset(big, 'x', TEMPLATE_MAX_BYTES + 1);
    ok(says(big, "expected 1 to 4096"), "one that is too long");
    big[TEMPLATE_MAX_BYTES] = 0;
    ok(is_good(big), "but not a byte sooner");
    char why[8];
    ok(template_check("{{simbol}}", 10, why, sizeof why) == -1 && strlen(why) == 7, "a sentence is cut to its room");
}

int main(void) {
    test_names();
    test_parts();
    test_refused();
    return done();
}
