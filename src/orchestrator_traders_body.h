/* The inside of the daemon's traders, shared by orchestrator_traders.c and orchestrator_traders_tell.c and by nobody else. */
#pragma once
#include "base/folder_watch.h"
#include "orchestrator_errors.h"
#include "orchestrator_look.h"
#include "orchestrator_problems.h"
#include "orchestrator_traders.h"
#include "script/trader_overrides.h"

/* What has run so far. */
typedef struct version {
    char id[TRADER_ID_MAX], revision[TRADER_REVISION_MAX];
    bool is_enabled;
} version;

struct orchestrator_traders {
    orchestrator_traders_config config;
    screener *screener;
    folder_watch *watch;
    uv_timer_t errors_timer;
    trader_overrides *wanted, *tried, *stored;
    bool is_unsaved;
    char *sent, *sent_files; /* the list that was asked for last, and without changes over HTTP; texts; NULL: none */
    bool is_loading;         /* an on_loaded will come */
    bool is_wanted_again;    /* something has changed meanwhile */
    bool has_loaded;         /* once */
    bool is_empty, is_gone;  /* the folder, when it was last read */
    bool is_stopped;
    problem_list files, loads; /* cannot be read; cannot be compiled */
    version *versions;
    int32_t n_versions;
    orchestrator_errors *errors;
    orchestrator_look *look;
};
