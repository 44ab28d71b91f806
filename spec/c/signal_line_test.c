/* The line of a signal: its form, its columns in any script, and texts that would harm a terminal or do not fit. */
#include "screener/signal_line.h"
#include "spec/c/tap.h"
#include <string.h>

static signal_row example(void) {
    return (signal_row){.trader = "rsi",
                        .trader_name = "RSI oversold bounce",
                        .symbol = "LINKUSDT",
                        .interval = INTERVAL_5M,
                        .open_ms = 1770127500000,
                        .price = 9.1234,
                        .conditions = (char *)"[\"RSI below 30\",\"rising\"]",
                        .tags = (char *)"[]"};
}

static bool prints(const signal_row *s, const char *expected) {
    char line[SIGNAL_LINE_BYTES];
    signal_line(s, line);
    bool is_same = strcmp(line, expected) == 0;
    if (!is_same) printf("# got      \"%s\"\n# expected \"%s\"\n", line, expected);
    return is_same;
}

#define HEAD "2026-02-03 14:05:00 LINKUSDT     5m  "

static void test_form(void) {
    signal_row s = example();
    ok(prints(&s, HEAD "     9.1234  RSI oversold bounce         RSI below 30; rising"), "the plain form");
    s.late = true;
    s.state = SIGNAL_PROVISIONAL;
    s.conditions = (char *)"[]";
    ok(prints(&s, HEAD "     9.1234  RSI oversold bounce          [provisional]  [late]"), "marks, no conditions");
    s.late = false;
    s.state = SIGNAL_WITHDRAWN;
    ok(prints(&s, HEAD "     9.1234  RSI oversold bounce          [withdrawn]"), "one that did not last");
    s.state = SIGNAL_HISTORICAL;
    ok(prints(&s, HEAD "     9.1234  RSI oversold bounce          [historical]"), "one of before the start");
    s = example();
    s.trader_name[0] = 0;
    s.price = 64321.5;
    ok(prints(&s, HEAD "    64321.5  rsi                         RSI below 30; rising"),
       "a trader without a name goes by its key");
    strcpy(s.trader_name, "\xE5\xB8\x81\xE5\xAE\x89");
    ok(prints(&s, HEAD "    64321.5  \xE5\xB8\x81\xE5\xAE\x89                          RSI below 30; rising"),
       "columns are counted in characters");
}

static void test_price(void) {
    static const struct {
        double price;
        const char *text;
    } cases[] = {{2.1e-05, "   0.000021"},     {1e-8, " 0.00000001"}, {100, "        100"},
                 {95203.87, "   95203.87"},    {0.5, "        0.5"},  {1e20, "      1e+20"},
                 {1234567.125, "1234567.125"}, {0, "          0"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        signal_row s = example();
        char expected[128];
        s.price = cases[i].price;
        snprintf(expected, sizeof expected, HEAD "%s  RSI oversold bounce         RSI below 30; rising", cases[i].text);
        ok(prints(&s, expected), "a price of %g", cases[i].price);
    }
}

static void test_harmless(void) {
    signal_row s = example();
    s.conditions = (char *)"[\"a\\u001b[2Jb\\nc\\u007f\\u009bd\\u0000e\", 5]";
    char line[SIGNAL_LINE_BYTES];
    signal_line(&s, line);
    bool has_control = false;
    for (const char *at = line; *at; at++) {
        unsigned char c = (unsigned char)*at;
        if (c < 0x20 || c == 0x7F || (c == 0xC2 && (unsigned char)at[1] < 0xA0)) has_control = true;
    }
    ok(!has_control && strstr(line, "  a [2Jb c  d"), "control characters become blanks: %s", line);
    s.conditions = (char *)"no json";
    ok(prints(&s, HEAD "     9.1234  RSI oversold bounce        "), "conditions that are no JSON are left out");
}

static void test_cut(void) {
    for (size_t shift = 0; shift < 3; shift++) {
        char conditions[4096] = "[\"";
        memset(conditions + 2, 'x', shift);
        size_t bytes = 2 + shift;
        for (; bytes < 3000; bytes += 3) memcpy(conditions + bytes, "\xE5\xB8\x81", 3);
        strcpy(conditions + bytes, "\"]");
        signal_row s = example();
        s.conditions = conditions;
        char line[SIGNAL_LINE_BYTES];
        signal_line(&s, line);
        size_t length = strlen(line);
        ok(length < SIGNAL_LINE_BYTES && length > SIGNAL_LINE_BYTES - 12 &&
               memcmp(line + length - 6, "\xE5\xB8\x81...", 6) == 0,
           "a long line is cut between two characters and ends in dots (shifted by %zu)", shift);
    }
}

int main(void) {
    test_form();
    test_price();
    test_harmless();
    test_cut();
    return done();
}
