#include "serve/metrics_text.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER_BYTES = 32 };

void metrics_text_init(metrics_text *m) { *m = (metrics_text){0}; }

void metrics_text_deinit(metrics_text *m) {
    free(m->text);
    *m = (metrics_text){0};
}

static void append(metrics_text *m, const char *text, size_t bytes) {
    if (m->failure) return;
    if (m->bytes + bytes + 1 > m->capacity) {
        size_t capacity = 2 * (m->bytes + bytes) + 4096;
        char *longer = realloc(m->text, capacity);
        if (!longer) {
            m->failure = ERR_NO_MEMORY;
            return;
        }
        m->text = longer;
        m->capacity = capacity;
    }
    memcpy(m->text + m->bytes, text, bytes);
    m->bytes += bytes;
    m->text[m->bytes] = 0;
}

static void put(metrics_text *m, const char *text) { append(m, text, strlen(text)); }

/* Shortest that reads back the same, of whole numbers without a fraction. */
static void put_number(metrics_text *m, double value) {
    char text[NUMBER_BYTES];
    if (isnan(value) || isinf(value)) {
        put(m, isnan(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf");
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value) break;
    }
    put(m, text);
}

static void put_label(metrics_text *m, const char *name, const char *value) {
    put(m, name);
    put(m, "=\"");
    for (; *value; value++) {
        if (*value == '\\' || *value == '"') put(m, "\\");
        if (*value == '\n')
            put(m, "\\n");
        else
            append(m, value, 1);
    }
    put(m, "\"");
}

void metrics_text_family(metrics_text *m, const char *name, metrics_kind kind, const char *help) {
    static const char *const kinds[] = {"counter", "gauge", "histogram"};
    const char *const parts[] = {"# HELP ", name, " ", help, "\n# TYPE ", name, " ", kinds[kind], "\n"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) put(m, parts[i]);
    m->name = name;
}

static void put_sample(metrics_text *m, const char *suffix, const metrics_label *labels, size_t n, double value) {
    put(m, m->name);
    put(m, suffix);
    for (size_t i = 0; i < n; i++) {
        put(m, i ? "," : "{");
        put_label(m, labels[i].name, labels[i].value);
    }
    put(m, n ? "} " : " ");
    put_number(m, value);
    put(m, "\n");
}

void metrics_text_sample(metrics_text *m, const metrics_label *labels, size_t n_labels, double value) {
    put_sample(m, "", labels, n_labels, value);
}

void metrics_text_put(metrics_text *m, const char *name, metrics_kind kind, const char *help, double value) {
    metrics_text_family(m, name, kind, help);
    metrics_text_sample(m, NULL, 0, value);
}

void metrics_text_histogram(metrics_text *m, const char *name, const char *help, const histogram *h) {
    uint64_t n = 0;
    char bound[NUMBER_BYTES] = "+Inf";
    metrics_text_family(m, name, METRICS_HISTOGRAM, help);
    for (size_t i = 0; i <= h->n_bounds; i++) {
        n += h->counts[i];
        if (i < h->n_bounds)
            snprintf(bound, sizeof bound, "%g", h->bounds[i]);
        else
            snprintf(bound, sizeof bound, "+Inf");
        put_sample(m, "_bucket", &(metrics_label){"le", bound}, 1, (double)n);
    }
    put_sample(m, "_sum", NULL, 0, h->sum);
    put_sample(m, "_count", NULL, 0, (double)h->n);
}

err metrics_text_take(metrics_text *m, char **text, size_t *bytes) {
    err failed = m->failure ? m->failure : m->text ? OK : ERR_NO_MEMORY;
    if (failed) return failed;
    *text = m->text;
    *bytes = m->bytes;
    *m = (metrics_text){0};
    return OK;
}
