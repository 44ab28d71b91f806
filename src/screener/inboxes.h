/* What the feed's thread sends to the workers, in its order: into the inbox of one, or into a backlog before it while that is
 * full, or held while its symbol is on its way to another worker.
 * Threads: the feed's. Errors: ERR_NO_MEMORY, and then it was not sent. */
#pragma once
#include "screener/screener_body.h"

/* Of an event that is held. */
typedef enum fate { FATE_KEEP, FATE_PUSH, FATE_DROP } fate;

/* Backlog into the inbox; true when none is left. */
bool inboxes_drain(screener *s, int32_t to);
MUST_CHECK err inboxes_push(screener *s, int32_t to, const market_event *event);
/* To every worker, as of `symbol`. */
MUST_CHECK err inboxes_push_all(screener *s, market_event event, uint32_t symbol);
MUST_CHECK err inboxes_push_to_owner(screener *s, const market_event *event);
MUST_CHECK err inboxes_send(screener *s, int32_t to, control what);
MUST_CHECK err inboxes_send_all(screener *s, control what);
/* To the symbol's owner, whoever that is by the time it arrives. */
MUST_CHECK err inboxes_send_to_symbol(screener *s, uint32_t symbol, control what);
/* With what an earlier run has written down under `name`. */
MUST_CHECK err inboxes_send_with_saved(screener *s, int32_t to, control what, const char *name);
/* What is held for a symbol, in its order. The end of its watch may be among it (unless it has left already): what comes
 * behind that is of its next watch. */
MUST_CHECK err inboxes_empty_held(screener *s, uint32_t symbol, bool has_left, fate before, fate behind);
