/* Traders kept as the user's rows of Supabase: written there, and read again at once.
 * Threads: the loop's. */
#pragma once
#include "orchestrator_keep.h"

/* As orchestrator_keep. An error means that order->on_done is not called. */
MUST_CHECK err orchestrator_keep_cloud(orchestrator *o, keep_order *order);
