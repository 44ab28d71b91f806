/* Faults of connections: who is cut off, falls silent, vanishes or is told to go, and when that is over.
 * Threads: the loop's. Ownership: the list is borrowed. */
#pragma once
#include "sim/connection.h"
#include "sim/faults.h"

/* A fault of a connection begins; of others nothing happens. Returns how many connections it met. */
size_t trouble_begin(connection_list *list, const source *from, const fault *f, writer *scratch);
/* Market time has come to `now_ms`: what is over then ends. `lifetime_ms` 0: connections live for ever.
 * Returns how many connections were cut. */
size_t trouble_pass(connection_list *list, int64_t now_ms, int64_t lifetime_ms);
/* When the next connection is closed for its age or because it was told to go; INT64_MAX: none. */
int64_t trouble_next_ms(const connection_list *list, int64_t lifetime_ms);
/* A fault is over before its time. */
void trouble_end(connection_list *list, const fault *f);
