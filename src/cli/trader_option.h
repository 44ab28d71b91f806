/* The trader that a verb is told with --trader: a file, or the name of one in TRADERS_DIR; with its --input. */
#pragma once
#include "script/trader.h"

enum { INPUTS_MAX = 64 };

typedef struct trader_option {
    const char *name; /* NULL: not told */
    const char *inputs[INPUTS_MAX];
    int n_inputs;
} trader_option;

#define TRADER_OPTION \
    {"trader", "T", "file of a trader, or its name in TRADERS_DIR"}, { \
        "input", "NAME=VALUE", "an input of the trader; may be given several times" \
    }

/* ERR_TOO_BIG. */
MUST_CHECK err trader_option_input(trader_option *c, const char *value, diag *why);
/* ERR_NOT_FOUND: there is none of that name; and what trader_source_read gives. */
MUST_CHECK err trader_option_read(const trader_option *c, const char *folder, trader_source **source, diag *why);
