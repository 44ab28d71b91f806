/* The trader that a verb is told with --trader: a file, or the name of one in TRADERS_DIR; with its --input. */
#pragma once
#include "script/trader.h"

enum { INPUTS_MAX = 64 };

typedef struct trader_choice {
    const char *name; /* NULL: not told */
    const char *inputs[INPUTS_MAX];
    int n_inputs;
} trader_choice;

#define TRADER_OPTIONS \
    {"trader", "T", "file of a trader, or its name in TRADERS_DIR"}, { \
        "input", "NAME=VALUE", "an input of the trader; may be given several times" \
    }

/* ERR_TOO_BIG. */
MUST_CHECK err trader_choice_input(trader_choice *c, const char *value, diag *why);
/* ERR_NOT_FOUND: there is none of that name; and what trader_source_read gives. */
MUST_CHECK err trader_choice_read(const trader_choice *c, const char *folder, trader_source **source, diag *why);
