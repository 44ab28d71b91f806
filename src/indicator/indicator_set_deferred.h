/* What rests on other series, for the files that an indicator_set is made of. */
#pragma once
#include "indicator/indicator_set_body.h"

/* Where the source of an aligned series is at home; NULL: not there. */
indicator_set *indicator_set_slow(const indicator_set *set, const indicator_spec *spec);
/* What is deferred forgets what it knows from bar `life` on; in the sets linked to this one, from `from_ms` on. */
void indicator_set_rewind_deferred(indicator_set *set, int64_t life);
void indicator_set_rewind_linked(const indicator_set *set, int64_t from_ms);
