/* What every verb with a configuration shares: the options --set and --json, and the load itself. */
#pragma once
#include "cli/options.h"
#include "config.h"

enum { SETTINGS_MAX_ASSIGNMENTS = 64, SETTINGS_MAX_OWNED = 8 };

#define SETTINGS_OPTION \
    { "set", "NAME=value", "a setting, for this call; may be repeated (trademind help config lists them)" }

typedef struct settings {
    const char *assignments[SETTINGS_MAX_ASSIGNMENTS + 1]; /* NULL at the end; borrowed */
    size_t n_assignments;
    char *owned[SETTINGS_MAX_OWNED]; /* those that settings_set has made */
    size_t n_owned;
} settings;

/* One more --set. ERR_INVALID when there are too many. */
MUST_CHECK err settings_add(settings *s, const char *assignment, diag *why);
/* A setting that has an option of its own, such as --symbols. ERR_INVALID when there are too many, ERR_NO_MEMORY. */
MUST_CHECK err settings_set(settings *s, const char *name, const char *value, diag *why);
void settings_deinit(settings *s); /* after the configuration is done with */
/* The configuration of this process and these assignments; prepares the log, too. */
MUST_CHECK err settings_load(const settings *s, config *out, diag *why);
/* The exit code that says what went wrong with loading. */
int settings_exit_code(err e);
