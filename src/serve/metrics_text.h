/* Metrics in the text format of Prometheus, version 0.0.4: families one after the other, each with its # HELP and # TYPE, then its
 * samples.
 * Pure. Ownership: the caller's struct; metrics_text_take hands the text over, metrics_text_deinit frees what was not taken. The
 * first failure (no memory) sticks. */
#pragma once
#include "base/errors.h"
#include "base/histogram.h"

#define METRICS_TEXT_TYPE "text/plain; version=0.0.4; charset=utf-8"

typedef enum metrics_kind { METRICS_COUNTER, METRICS_GAUGE, METRICS_HISTOGRAM } metrics_kind;

typedef struct metrics_text {
    char *text;
    size_t bytes, capacity;
    const char *name; /* of the family that is open */
    err failure;
} metrics_text;

typedef struct metrics_label {
    const char *name, *value;
} metrics_label;

void metrics_text_init(metrics_text *m);
void metrics_text_deinit(metrics_text *m);
/* Texts are literals. A name has its unit, and _total when it counts. */
void metrics_text_family(metrics_text *m, const char *name, metrics_kind kind, const char *help);
/* Of the family that is open. Values of labels are escaped. */
void metrics_text_sample(metrics_text *m, const metrics_label *labels, size_t n_labels, double value);
/* A family with one sample. */
void metrics_text_put(metrics_text *m, const char *name, metrics_kind kind, const char *help, double value);
/* A family: _bucket, _sum and _count. */
void metrics_text_histogram(metrics_text *m, const char *name, const char *help, const histogram *h);
/* ERR_NO_MEMORY. */
MUST_CHECK err metrics_text_take(metrics_text *m, char **text, size_t *bytes);
