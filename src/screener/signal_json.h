/* A signal as JSON, for everything that people and programs read: the API, the browser channel, `--json` on the
 * command line. Pure. */
#pragma once
#include "base/json_writer.h"
#include "screener/signal.h"

/* "long", "short"; NULL for none. */
const char *signal_side_name(signal_side side);
/* SIDE_NONE for NULL and anything else. */
signal_side signal_side_parse(const char *name);

/* One object: id, trader (key), traderId, traderName, revision, symbol, interval, time (open of the bar, ms), closeTime,
 * created, price, changePercent, volume, side, score, stop, targets, conditions, values, plots, tags, state, provisional,
 * late, revised. What is
 * unknown is null. */
void signal_write_json(json_writer *w, const signal_row *s);
/* Its members, into an object that is open. */
void signal_write_members(json_writer *w, const signal_row *s);
