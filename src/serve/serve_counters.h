/* What the server has counted since its start, as JSON. Pure. */
#pragma once
#include "base/json_writer.h"
#include "serve/channel.h"
#include "serve/gate.h"
#include "serve/listener.h"

/* An object of whole numbers. */
void serve_counters_write(json_writer *w, const listener_stats *l, const gate_stats *g, const channel_stats *c);
