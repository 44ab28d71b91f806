/* See firing.h. */
#include "screener/firing.h"

bool firing_step(edge_row *memory, const trader_spec *spec, int64_t open_ms, bool is_match) {
    bool was_matching = memory->has_run ? memory->is_matching : true, is_due = false;
    if (is_match && (!was_matching || memory->run_open_ms == 0)) memory->run_open_ms = open_ms;
    if (is_match && spec->fire == FIRE_EDGE) is_due = !was_matching;
    if (is_match && spec->fire == FIRE_EVERY) {
        int64_t bars = interval_count(spec->interval, memory->run_open_ms, open_ms);
        is_due = spec->fire_every <= 1 || (bars % spec->fire_every == 0 && (bars > 0 || !was_matching));
    }
    if (is_due && memory->signal_open_ms > 0 && spec->cooldown > 0)
        is_due = interval_count(spec->interval, memory->signal_open_ms, open_ms) > spec->cooldown;
    if (is_due) memory->signal_open_ms = open_ms;
    memory->is_matching = is_match;
    memory->has_run = true;
    return is_due;
}
