/* Carries out what a scene says: at its time an event changes the source, meets connections, and is told on stdout, one
 * JSON line each: {"event":"fault","at":ms,"from":ms,"until":ms,"kind":"gap","what":"gap BTCUSDT 3 bars",...}, {"event":"fault_over",...}.
 * `until` is null for what lasts until it is cleared; `met` counts the connections that it met at once.
 * Threads: the loop's. Ownership: everything is borrowed. */
#pragma once
#include "sim/faults.h"
#include "sim/random_faults.h"
#include "sim/server.h"
#include "sim/tape.h"

typedef struct director {
    faults *faults;
    random_faults *random; /* NULL: none */
    server *server;        /* NULL until it listens */
    source *source;
    tape *tape;
    err error; /* the first failure */
} director;

/* Symbols that a scene lists later are unknown until then. */
void director_prepare(director *d, const scene *s);
/* Market time of the next change; INT64_MAX: never. */
int64_t director_next_ms(const director *d);
/* Whether a symbol is to be listed by `to_ms`, so that a market without bars is not over. */
bool director_expects_bars(const director *d, int64_t to_ms);
/* Do all that is due. */
void director_step(director *d, int64_t now_ms);
/* One line of the control door, at once. What cannot be done is told as {"event":"refused","line":..,"why":..}. */
void director_command(director *d, const char *line, int64_t now_ms);
/* The data has ended: everything is over, and nothing comes any more. Told as {"event":"market_ended","at":ms}. */
void director_end(director *d, int64_t now_ms);
/* After the end: all that was sent has left for the clients. Told as {"event":"delivered","at":ms}. */
void director_delivered(director *d, int64_t now_ms);
