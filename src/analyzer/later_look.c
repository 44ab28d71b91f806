#include "analyzer/later_look.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

static unsigned minutes_of_day(int64_t ms) { return (unsigned)(ms / 60000 % 1440); }

/* The first prompt's text, and behind it the bars since. */
static err since_text(const char *text, const char *heading, const kline *bars, size_t n, char **out) {
    size_t bytes = 0;
    FILE *f = open_memstream(out, &bytes);
    if (!f) return ERR_NO_MEMORY;
    fprintf(f, "%s\n# Since then: %s\n", text, heading);
    fprintf(f, "bars closed since the signal, oldest first: open time UTC, open, high, low, close, volume\n");
    for (size_t i = 0; i < n; i++) {
        const kline *b = &bars[i];
        unsigned minutes = minutes_of_day(b->open_ms);
        fprintf(f, "%02u:%02u %.10g %.10g %.10g %.10g %.6g\n", minutes / 60, minutes % 60, b->open, b->high, b->low,
                b->close, b->volume);
    }
    fprintf(f, "change over these bars: %+.2f %%\nJudge the setup as it is now, at the last close: %.10g\n",
            (bars[n - 1].close / bars[0].open - 1) * 100, bars[n - 1].close);
    return fclose(f) == 0 ? OK : ERR_NO_MEMORY;
}

err later_look_prompt(const char *first, const char *heading, const kline *bars, size_t n_bars, char **out) {
    json_t *prompt = json_loads(first, 0, NULL);
    const char *text = json_string_value(json_object_get(prompt, "text"));
    char *longer = NULL;
    err e = text ? since_text(text, heading, bars, n_bars, &longer) : ERR_INVALID;
    bool is_set = e == OK && json_object_set_new(prompt, "text", json_string(longer)) == 0 &&
                  json_object_set_new(prompt, "price", json_real(bars[n_bars - 1].close)) == 0;
    *out = is_set ? json_dumps(prompt, JSON_COMPACT | JSON_REAL_PRECISION(17)) : NULL;
    free(longer);
    json_decref(prompt);
    return *out ? OK : e == OK ? ERR_NO_MEMORY : e;
}
