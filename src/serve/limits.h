/* How many connections there may be, in all and of one address. This machine's own addresses have no limit of their own: a
 * proxy in front of the daemon, and the tools beside it, are many clients in one.
 * Pure. */
#pragma once
#include "base/errors.h"
#include "serve/client_address.h"

typedef struct limits limits;

/* `per_address` 0: only the limit in all. */
MUST_CHECK err limits_new(uint32_t in_all, uint32_t per_address, limits **out);
void limits_free(limits *l); /* NULL is ignored */

/* ERR_FULL: there are as many as may be; ERR_EXISTS: of this address. Else it is counted until limits_leave. */
MUST_CHECK err limits_enter(limits *l, const client_address *from);
void limits_leave(limits *l, const client_address *from);
/* The same connection turns out to come from elsewhere. ERR_EXISTS: there are as many from there as may be; it stays
 * counted where it was. */
MUST_CHECK err limits_move(limits *l, const client_address *from, const client_address *to);
uint32_t limits_count(const limits *l);
