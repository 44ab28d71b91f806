/* Symbols whose history does not reach as far back as a new trader needs (tracked_depth.h) begin anew with older bars, where they
 * stand: all that they remember goes along, but what began too late.
 *
 *   NOTE_SHALLOW ──► waiting ──► no more than DEEPENING_AT_ONCE under way: untracked, tracked again, their ranges asked for and there
 *
 * While one is under way its events are held, as those of any symbol that comes back; the others go on.
 * Threads: the feed's. */
#pragma once
#include "screener/screener_body.h"

/* NOTE_SHALLOW of the symbol; it has asked for bars (NOTE_RANGE). */
void deepening_note(screener *s, uint32_t symbol);
void deepening_asked(screener *s, uint32_t symbol);
/* The next ones, while there is room for them. Not while a set is being installed. */
MUST_CHECK err deepening_go_on(screener *s);
