/* Times as text: every accepted form, every refused one, and agreement with libc's calendar over random instants. */
#include "base/time_text.h"
#include "spec/c/tap.h"
#include <string.h>
#include <time.h>

#define DAY_MS INT64_C(86400000)
#define FEB_3 INT64_C(1770076800000) /* 2026-02-03T00:00:00Z, by date(1) */

static void accepts(const char *text, int64_t expected) {
    int64_t ms = -1;
    err e = time_text_parse(text, &ms);
    ok(e == OK && ms == expected, "reads \"%s\"", text);
}

static void refuses(const char *text) {
    int64_t ms = -7;
    err e = time_text_parse(text, &ms);
    ok(e == ERR_INVALID && ms == -7, "refuses \"%s\" and leaves the result alone", text);
}

static void formats(int64_t ms, const char *expected) {
    char text[TIME_TEXT_BYTES];
    time_text_format(ms, text);
    ok(strcmp(text, expected) == 0, "writes %s (got %s)", expected, text);
}

static void test_accepted(void) {
    accepts("2026-02-03", FEB_3);
    accepts("2026-02-03T00:00", FEB_3);
    accepts("2026-02-03T14:05:06Z", FEB_3 + 50706000);
    accepts("2026-02-03 14:05:06", FEB_3 + 50706000);
    accepts("2026-02-03T14:05Z", FEB_3 + 50700000);
    accepts("2026-02-03T23:59:59.999Z", FEB_3 + DAY_MS - 1);
    accepts("2026-02-03T00:00:00.2", FEB_3 + 200);
    accepts("2026-02-03T00:00:00.25", FEB_3 + 250);
    accepts("1770076800000", FEB_3);
    accepts("100000000000", 100000000000);
    accepts("0", 0);
    accepts("1970-01-01", 0);
    accepts("2024-02-29", 1709164800000);
    accepts("2000-02-29", 951782400000);
    accepts("9999-12-31T23:59:59.999Z", 253402300799999);
    accepts("253402300799999", 253402300799999);
}

static void test_refused(void) {
    static const char *const texts[] = {
        "",
        "Z",
        "yesterday",
        "2026",
        "20260203",
        "1770076800",
        "99999999999",
        "253402300800000",
        "99999999999999999999",
        "-1",
        "2026-2-3",
        "2026-02",
        "2026-02-30",
        "2023-02-29",
        "2100-02-29",
        "2026-13-01",
        "2026-00-01",
        "2026-01-00",
        "2026-04-31",
        "1969-12-31",
        "2026-02-03T",
        "2026-02-03T14",
        "2026-02-03T24:00",
        "2026-02-03T14:60",
        "2026-02-03T14:05:60",
        "2026-02-03T14:05:06.",
        "2026-02-03T14:05:06.1234",
        "2026-02-03T14:05+02:00",
        "2026-02-03Z",
        " 2026-02-03",
        "2026-02-03 ",
        "2026-02-03T14:05:06ZZ",
        "2026/02/03",
        "1770076800000ms",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) refuses(texts[i]);
}

static void test_formatted(void) {
    formats(0, "1970-01-01T00:00:00Z");
    formats(FEB_3, "2026-02-03T00:00:00Z");
    formats(FEB_3 + 50706007, "2026-02-03T14:05:06.007Z");
    formats(-1, "1969-12-31T23:59:59.999Z");
    formats(INT64_MAX, "292278994-08-17T07:12:55.807Z");
    formats(INT64_MIN, "-292275055-05-16T16:47:04.192Z");
}

/* The model is libc: gmtime_r and strftime. */
static void test_against_libc(void) {
    uint64_t state = tap_seed((uint64_t)time(NULL));
    int n_wrong = 0;
    for (int i = 0; i < 20000; i++) {
        state = state * 6364136223846793005ULL + 1442695040888963407ULL;
        int64_t ms = (int64_t)((state >> 16) % 253402300800ULL) * 1000;
        time_t seconds = (time_t)(ms / 1000);
        struct tm parts;
        char expected[64], text[TIME_TEXT_BYTES];
        gmtime_r(&seconds, &parts);
        strftime(expected, sizeof expected, "%Y-%m-%dT%H:%M:%SZ", &parts);
        time_text_format(ms, text);
        int64_t back = -1;
        err e = time_text_parse(text, &back);
        if (strcmp(text, expected) != 0 || e != OK || back != ms) n_wrong++;
    }
    ok(n_wrong == 0, "20000 random instants of 1970 to 9999 are written as libc writes them and read back");
}

int main(void) {
    test_accepted();
    test_refused();
    test_formatted();
    test_against_libc();
    return done();
}
