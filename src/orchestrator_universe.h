/* Which symbols are screened, and which ones only fed: the members of the universe, what traders name in their
 * `symbols`, and their references. Brings screener and feed to what it should be, whenever the universe has been looked
 * at again or other traders run.
 *
 *   members of the universe ────────────┐
 *   named in `symbols` of some trader ──┴─► screened ─┐
 *   named in `references` ────────────────────────────┴─► fed
 *
 * A symbol that a trader names is screened for it alone when it is outside of the universe. One that the exchange has
 * not, or that does not trade, stands in the trader's status as a warning.
 * Threads: the loop's. Ownership: everything in the config is borrowed and must outlive it. */
#pragma once
#include "binance/feed.h"
#include "screener/screener.h"

typedef struct orchestrator_universe orchestrator_universe;

MUST_CHECK err orchestrator_universe_new(symbol_table *symbols, orchestrator_universe **out);
void orchestrator_universe_free(orchestrator_universe *u);

/* A reference: it is fed from the next sync on, whoever is in the universe. */
void orchestrator_universe_add_reference(orchestrator_universe *u, uint32_t symbol);
/* Tracks and untracks, and tells the feed what to watch. The first time begins the watch of everything. ERR_NO_MEMORY, or what
 * feed_watch says. */
MUST_CHECK err orchestrator_universe_sync(orchestrator_universe *u, screener *s, feed *f, diag *why);
bool orchestrator_universe_is_fed(const orchestrator_universe *u, uint32_t symbol); /* live bars of it come */
uint32_t orchestrator_universe_count(const orchestrator_universe *u);               /* symbols that are screened */
/* An object: symbols, members, named, added, removed (of the last look), addedEver, removedEver, refreshedAt (market
 * time, null before the first), refused. */
void orchestrator_universe_write(const orchestrator_universe *u, const feed *f, json_writer *w);
