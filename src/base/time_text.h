/* Points in time as people write them, and back. UTC only, Unix ms, years 1970 to 9999 when read.
 *
 * Read: a date (`2026-02-03`: its first moment), a date and time (`2026-02-03T14:05`, seconds and up to three decimals
 * may follow, a blank may stand for the T, a Z at the end changes nothing), or Unix ms (`1770076800000`).
 * A number below 100000000000 (March 1973) other than 0 is refused: it is a year, a date without dashes or Unix
 * seconds, and taking it for ms would silently mean January 1970.
 * Threads: pure functions. */
#pragma once
#include "base/errors.h"

enum { TIME_TEXT_BYTES = 32 };

/* What to tell a person whose text was refused. */
#define TIME_TEXT_EXPECTED "a UTC time such as 2026-02-03, 2026-02-03T14:05:00Z or 1770127500000 (Unix ms)"

/* ERR_INVALID when the text is none of these, or names a day or an hour that does not exist. */
MUST_CHECK err time_text_parse(const char *text, int64_t *ms);

/* `2026-02-03T14:05:00Z`, with `.250` before the Z when it is no whole second. Any int64 fits. */
void time_text_format(int64_t ms, char out[TIME_TEXT_BYTES]);
