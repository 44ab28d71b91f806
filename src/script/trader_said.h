/* What somebody says of traders, who may know less than we do: a JSON list of {"id", "enabled", "inputs"}. Other members, such as
 * scripts, are not looked at; one that is null says nothing.
 * Pure. */
#pragma once
#include "script/trader.h"

typedef struct trader_said trader_said;

/* ERR_SYNTAX: it is no list; ERR_NO_MEMORY. */
MUST_CHECK err trader_said_new(const char *json, trader_said **out);
void trader_said_free(trader_said *s); /* NULL is ignored */
size_t trader_said_count(const trader_said *s);
/* Key or UUID, borrowed; NULL: it names none. */
const char *trader_said_id(const trader_said *s, size_t i);
/* Why it cannot be taken, a literal; NULL: it can. */
const char *trader_said_fault(const trader_said *s, size_t i);
/* What of it differs from what runs (`spec`; NULL: nothing does), as trader_overrides_merge takes it, heap; "": nothing; NULL:
 * no memory. Of one without a fault. */
char *trader_said_change(const trader_said *s, size_t i, const trader_spec *spec);
