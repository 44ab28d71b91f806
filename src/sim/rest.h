/* The REST endpoints: a path and its parameters in, a status and a body out. Pure but for the tape's caches.
 * Threads: one. */
#pragma once
#include "sim/faults.h"
#include "sim/tape.h"
#include "sim/venue.h"
#include "sim/writer.h"

enum { REST_MAX_ARGS = 16 };

/* Parameters as "name=value", percent-decoded. */
typedef struct rest_request {
    const char *path;
    const char *args[REST_MAX_ARGS];
    size_t n_args;
} rest_request;

/* What the request costs, valid or not; 1 for an unknown path. */
uint32_t rest_weight(const rest_request *request, const venue *v);
/* Whether it asks for the time. */
bool rest_is_time(const rest_request *request, const venue *v);
/* Returns the HTTP status; `body` is cleared first. `now_ms`: the exchange's clock. */
int rest_answer(const rest_request *request, const venue *v, source *s, tape *t, const faults *f, int64_t now_ms,
                writer *body);
/* {"code":..,"msg":..} */
void rest_error(writer *body, int code, const char *message);
