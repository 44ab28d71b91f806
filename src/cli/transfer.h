/* Traders carried from one place to another, for `import` and `export`: what is there already is found by its id, its
 * file's name, or its name, and written only where it differs. */
#pragma once
#include "cli/settings.h"
#include "cli/trader_place.h"
#include "cli/verbs.h"

enum { TRANSFER_NAMES_MAX = 64 };

typedef struct transfer {
    settings settings;
    const char *from, *to;                 /* as given; NULL: the verb's default */
    const char *names[TRANSFER_NAMES_MAX]; /* only these, by file name, id or name; none: all */
    size_t n_names;
    bool as_json, is_dry, forces;
} transfer;

#define TRANSFER_OPTIONS \
    {"force", NULL, "files in the target folder that differ are replaced, too"}, \
        {"dry-run", NULL, "say what would be done, and do nothing"}, \
        {"json", NULL, "one object a line: trader, id, name, action, error"}, SETTINGS_OPTION, { \
        0 \
    }

/* As option_fn. */
MUST_CHECK err transfer_take(void *context, const option *o, const char *value, diag *why);
/* The exit code. `from`, `to`: where the options name none; NULL: Supabase in cloud mode, else there has to be an option. */
int transfer_run(transfer *t, const verb *v, int argc, char *const *argv, bool is_import);
