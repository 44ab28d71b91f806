#include "cli/options.h"

#include "base/nearest.h"
#include "base/time_text.h"
#include "market/interval.h"

#include <stdio.h>
#include <string.h>

enum { MAX_OPTIONS = 32 };

static const option *find(const option *table, const char *name, size_t bytes) {
    for (const option *o = table; o->name; o++) {
        if (strlen(o->name) == bytes && memcmp(o->name, name, bytes) == 0) return o;
    }
    return NULL;
}

static err refuse_unknown(const option *table, const char *name, size_t bytes, diag *why) {
    const char *names[MAX_OPTIONS + 1];
    size_t count = 0;
    for (const option *o = table; o->name && count < MAX_OPTIONS; o++) names[count++] = o->name;
    names[count] = NULL;
    char word[64];
    snprintf(word, sizeof word, "%.*s", (int)bytes, name);
    const char *meant = nearest_name(word, names);
    if (meant) return diag_set(why, ERR_INVALID, "unknown option --%s; did you mean --%s?", word, meant);
    return diag_set(why, ERR_INVALID, "unknown option --%s", word);
}

/* argv[*at] is an option; moves `at` past it and its value. */
static err take_option(const option *table, int argc, char *const *argv, int *at, option_fn take, void *context,
                       diag *why) {
    const char *name = argv[(*at)++] + 2;
    size_t bytes = strcspn(name, "=");
    const char *value = name[bytes] ? name + bytes + 1 : NULL;
    const option *o = find(table, name, bytes);
    if (!o) return refuse_unknown(table, name, bytes, why);
    if (!o->argument && value) return diag_set(why, ERR_INVALID, "--%s takes no value", o->name);
    if (o->argument && !value) {
        if (*at == argc)
            return diag_set(why, ERR_INVALID, "--%s has no value; expected --%s %s", o->name, o->name, o->argument);
        value = argv[(*at)++];
    }
    return take(context, o, value, why);
}

err options_parse(const option *table, int argc, char *const *argv, option_fn take, void *context, diag *why) {
    err e = OK;
    bool only_words = false;
    for (int at = 0; e == OK && at < argc;) {
        const char *word = argv[at];
        if (only_words || word[0] != '-' || word[1] == 0) {
            e = take(context, NULL, word, why);
            at++;
        } else if (strcmp(word, "--") == 0) {
            only_words = true;
            at++;
        } else if (word[1] == '-') {
            e = take_option(table, argc, argv, &at, take, context, why);
        } else {
            e = diag_set(why, ERR_INVALID, "unknown option %s; options start with two dashes", word);
        }
    }
    return e;
}

err options_refuse_word(const char *word, diag *why) {
    return diag_set(why, ERR_INVALID, "unexpected word \"%s\"; this verb takes options only", word);
}

err options_take_time(const option *o, const char *value, int64_t *ms, diag *why) {
    if (time_text_parse(value, ms) == OK) return OK;
    return diag_set(why, ERR_INVALID, "--%s is \"%s\"; expected " TIME_TEXT_EXPECTED, o->name, value);
}

err options_take_interval(const option *o, const char *value, size_t bytes, int32_t *interval, diag *why) {
    *interval = interval_parse(value, bytes);
    if (*interval >= 0) return OK;
    return diag_set(why, ERR_INVALID, "--%s: found \"%.*s\"; expected an interval such as 1m, 5m, 1h, 1d", o->name,
                    (int)bytes, value);
}

err options_take_intervals(const option *o, const char *value, uint32_t *mask, diag *why) {
    for (const char *at = value;; at++) {
        size_t bytes = strcspn(at, ",");
        int32_t interval;
        err e = options_take_interval(o, at, bytes, &interval, why);
        if (e != OK) return e;
        *mask |= UINT32_C(1) << interval;
        at += bytes;
        if (!*at) return OK;
    }
}
