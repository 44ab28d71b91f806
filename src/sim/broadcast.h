/* The tape's sink: a frame is written once and queued for all who listen, unless the faults of the moment will otherwise.
 * Threads: the loop's. Ownership: source, tape, channels and faults are borrowed. */
#pragma once
#include "sim/channel.h"
#include "sim/faults.h"
#include "sim/tape.h"
#include "sim/writer.h"

typedef struct broadcast broadcast;

MUST_CHECK err broadcast_new(source *from, const venue *v, tape *t, channels *c, const faults *f, broadcast **out);
void broadcast_free(broadcast *b);
tape_sink broadcast_sink(broadcast *b);
/* Sends what was held back to come out of order. */
void broadcast_flush(broadcast *b);
