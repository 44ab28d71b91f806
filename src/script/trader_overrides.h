/* What people have changed of traders beside their files: switched on or off, inputs. By trader_source.key, as one JSON
 * object: {"rsi": {"enabled": false, "inputs": {"length": 7}}}.
 *
 * Threads: one. Ownership: texts are copied. */
#pragma once
#include "script/trader.h"

enum { TRADER_OVERRIDES_BYTES = 256 * 1024, TRADER_OVERRIDE_LINE_BYTES = 8192 };

typedef struct trader_overrides trader_overrides;

/* `json` NULL or empty: none. ERR_SYNTAX and a sentence. */
MUST_CHECK err trader_overrides_new(const char *json, trader_overrides **out, diag *why);
void trader_overrides_free(trader_overrides *o);
/* One line of JSON, heap; NULL without memory. */
char *trader_overrides_text(const trader_overrides *o);

/* `change` is {"enabled": ..., "inputs": {...}}, one of the two or both; a value of null takes an override away. Checks it
 * against what the trader declares: unknown inputs, other kinds of values, numbers out of range. ERR_INVALID. */
MUST_CHECK err trader_overrides_check(const trader_spec *spec, const char *change, diag *why);
/* ERR_TOO_BIG and nothing changed: the text would have more than TRADER_OVERRIDES_BYTES. */
MUST_CHECK err trader_overrides_merge(trader_overrides *o, const char *key, const char *change, diag *why);
/* Puts those of the source into it. */
MUST_CHECK err trader_overrides_apply(const trader_overrides *o, trader_source *source, diag *why);

/* Whatever `from` says is merged into `to`. */
MUST_CHECK err trader_overrides_lay(trader_overrides *to, const trader_overrides *from, diag *why);

bool trader_overrides_has(const trader_overrides *o, const char *key);
/* Whether both say the same of a trader, of all traders with `key` NULL. */
bool trader_overrides_equal(const trader_overrides *a, const trader_overrides *b, const char *key);
/* Of that trader `to` says what `from` says from now on; of all with `key` NULL. */
MUST_CHECK err trader_overrides_copy(trader_overrides *to, const trader_overrides *from, const char *key);
