#include "screener/signal.h"
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {"confirmed", "provisional", "withdrawn", "historical"};

const char *signal_state_name(signal_state state) { return names[state]; }

signal_state signal_state_of(const char *name) {
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(names[i], name) == 0) return (signal_state)i;
    return SIGNAL_CONFIRMED;
}

const char *signal_first_status(signal_state state) {
    return state == SIGNAL_HISTORICAL || state == SIGNAL_WITHDRAWN ? "expired" : "new";
}

void signal_row_deinit(signal_row *s) {
    if (!s) return;
    free(s->conditions);
    free(s->tags);
    free(s->values);
    free(s->plots);
    free(s->prompt);
    s->conditions = s->tags = s->values = s->plots = s->prompt = NULL;
}
