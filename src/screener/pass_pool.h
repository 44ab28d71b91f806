/* The passes of one worker, used again and again: it takes them, the thread that is done with one gives it back.
 *
 * Threads: pass_pool_new, _take and _free on the worker's side (one thread at a time); _put and _forget, which
 * pass_release and pass_free call, on any. No locks.
 * Ownership: a pass that is under way keeps the pool alive, so that a worker may go before its passes have come back. */
#pragma once
#include "screener/pass.h"

MUST_CHECK err pass_pool_new(pass_pool **out);
/* No pass is taken any more; freed once the last one is back. */
void pass_pool_free(pass_pool *pool);
/* An empty pass of this pool; NULL without memory. */
pass *pass_pool_take(pass_pool *pool);

/* `p`, of this pool, is not used any more; or it does not exist any more. */
void pass_pool_put(pass_pool *pool, pass *p);
void pass_pool_forget(pass_pool *pool);
