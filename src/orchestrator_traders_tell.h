/* What is told of the traders of a running daemon.
 * Threads: the loop's. */
#pragma once
#include "orchestrator_traders.h"

/* As serve_providers.traders. */
void orchestrator_traders_write(const orchestrator_traders *t, int64_t market_ms, bool is_starting, json_writer *w);

/* One of them; borrowed until the traders change. */
typedef struct found_trader {
    const char *key, *id;  /* key: of its source */
    const trader *running; /* NULL: nothing of it runs */
} found_trader;

/* By its key, that of its source, or its id; false: there is none. */
bool orchestrator_traders_find(const orchestrator_traders *t, const char *name, found_trader *out);
/* As an item of that list. */
void orchestrator_traders_write_one(const orchestrator_traders *t, const found_trader *one, int64_t market_ms,
                                    bool is_starting, json_writer *w);
/* By the key of its source; NULL: none. */
const trader *orchestrator_traders_running(const orchestrator_traders *t, const char *key);
