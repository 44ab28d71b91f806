/* The inside of the orchestrator, shared by the files of orchestrator* that are parts of it and by nobody else.
 * Threads: the loop's, but for what workers call (orchestrator_flow.c). */
#pragma once
#include "base/cpu_places.h"
#include "base/sha256.h"
#include "binance/feed.h"
#include "orchestrator_analysis.h"
#include "orchestrator_author.h"
#include "orchestrator_cloud.h"
#include "orchestrator_cloud_traders.h"
#include "orchestrator_heartbeat.h"
#include "orchestrator_history.h"
#include "orchestrator_lab.h"
#include "orchestrator_local.h"
#include "orchestrator_market.h"
#include "orchestrator_measure.h"
#include "orchestrator_notify.h"
#include "orchestrator_scale.h"
#include "orchestrator_service.h"
#include "orchestrator_snapshot.h"
#include "orchestrator_traders.h"
#include "orchestrator_universe.h"
#include "orchestrator_update.h"
#include "screener/screener.h"
#include "serve/auth.h"
#include "serve/metrics_listener.h"
#include "serve/serve.h"
#include "sync/storage.h"

enum { N_SIGNALS = 3 };

typedef struct orchestrator_live orchestrator_live;
typedef struct orchestrator_orders orchestrator_orders;
struct orchestrator_ask;
struct orchestrator_getting;

typedef struct orchestrator {
    const config *cfg;
    uv_loop_t loop;
    uv_async_t wake;  /* a worker has notes, or room */
    uv_timer_t flush; /* moves the backlog on when no worker says so */
    uv_signal_t signals[N_SIGNALS];
    uv_work_t trim;
    symbol_table *symbols;
    market_clock clock;
    storage *storage;
    memory *memory;
    cpu_places places; /* none unless they are to be kept to */
    screener *screener;
    orchestrator_traders *traders;
    postgrest *supabase; /* NULL without the cloud, as is the next one */
    orchestrator_cloud_traders *cloud_traders;
    orchestrator_snapshot *snapshot;
    orchestrator_cloud *cloud;
    orchestrator_scale *scale;
    uint64_t n_snapshots;              /* written or failed when the machine's restart began to be prepared */
    orchestrator_analysis *analysis;   /* NULL: off */
    orchestrator_notify *notify;       /* NULL: nobody is told */
    orchestrator_heartbeat *heartbeat; /* NULL: nobody waits for one */
    metrics_listener *metrics;         /* NULL: its port is not to be had */
    serve *serve;
    orchestrator_live *live;
    orchestrator_orders *orders;
    feed *feed;
    orchestrator_universe *universe;
    orchestrator_local *local; /* NULL in the cloud */
    orchestrator_author *author;
    orchestrator_update *update;
    orchestrator_lab *lab;
    orchestrator_market *market;
    struct owed_look *owed_looks;  /* orchestrator_owed.h */
    bool is_owed_asked;            /* one is in the lab */
    struct orchestrator_ask *asks; /* under way, as the next one */
    struct orchestrator_getting *gettings;
    orchestrator_history history;
    orchestrator_measure measure;
    orchestrator_service service;
    char token[AUTH_TOKEN_BYTES], machine_id[MACHINE_ID_BYTES], lease_owner[SHA256_TEXT_BYTES];
    const char *status;
    int64_t started_ms, stop_began_ms, start_ms; /* monotonic, monotonic, market time */
    bool is_folder_set;                          /* TRADERS_DIR, other than by default */
    bool has_loop, has_started, is_stopping, is_market_ready, are_traders_ready, is_tracking, has_begun, has_failed,
        reexecutes, is_feed_full, are_streams_held, has_spare_memory, is_paused;
    uint64_t n_kills, n_printed;
    int exit_code;
    diag *why;
} orchestrator;

/* Begins an ordered stop; no effect on one that is under way. */
void orchestrator_stop(orchestrator *o);
/* The same with exit code 1, because of `why`: the first reason is the one that is told. */
void orchestrator_fail(orchestrator *o, const char *why);
/* A literal. Tells the server and the cloud when it is another. */
void orchestrator_set_status(orchestrator *o, const char *status);
