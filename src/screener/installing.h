/* Traders for the workers: a list of sources is compiled (PHASE_LOADING), the set that comes of it is given to every worker
 * (PHASE_INSTALLING), and the copies of references that it names besides.
 * Threads: the feed's. Errors: ERR_NO_MEMORY. */
#pragma once
#include "screener/screener_body.h"

/* With the newest list. */
MUST_CHECK err installing_begin(screener *s);
/* The loader is through: the workers are told, or nothing has changed. */
MUST_CHECK err installing_install(screener *s);
/* A worker runs `set`. */
void installing_installed(screener *s, const trader_set *set);
/* References that the traders of the set name and that are not there yet. */
MUST_CHECK err installing_attach_references(screener *s);
MUST_CHECK err installing_send_copy(screener *s, int32_t to, const reference *r);
