/* Ways to answer what the server has asked for and what takes its time (providers.h). Each is the one answer.
 * Threads: the loop's. */
#pragma once
#include "serve/providers.h"

/* Takes the text of `w`, and frees what is left of it. */
void outcome_json(serve_reply r, int status, json_writer *w);
void outcome_empty(serve_reply r, int status);
void outcome_problem(serve_reply r, int status, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* With one more member, whose value is JSON. */
void outcome_problem_with(serve_reply r, int status, const char *why, const char *member, const char *json);
/* 429 for ERR_FULL, else 503. */
void outcome_busy(serve_reply r, err failed);
