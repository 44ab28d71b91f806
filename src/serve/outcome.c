#include "serve/outcome.h"
#include <stdarg.h>
#include <stdio.h>

enum { SENTENCE_BYTES = 512 };

void outcome_json(serve_reply r, int status, json_writer *w) {
    r.done(r.request, &(serve_outcome){.status = status, .w = w});
    json_writer_deinit(w);
}

void outcome_empty(serve_reply r, int status) { r.done(r.request, &(serve_outcome){.status = status}); }

void outcome_problem(serve_reply r, int status, const char *format, ...) {
    char sentence[SENTENCE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    r.done(r.request, &(serve_outcome){.status = status, .why = sentence});
}

void outcome_problem_with(serve_reply r, int status, const char *why, const char *member, const char *json) {
    r.done(r.request, &(serve_outcome){.status = status, .why = why, .member = member, .json = json});
}

void outcome_busy(serve_reply r, err failed) {
    if (failed == ERR_FULL)
        outcome_problem(r, 429, "too many of these wait already; try again");
    else
        outcome_problem(r, 503, "not now: %s", error_text(failed));
}
