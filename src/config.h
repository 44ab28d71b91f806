/* The configuration: every setting of the process, checked, with where each value came from.
 *
 * One table (config_setting.c) makes this struct's values, `trademind help config`, docs/configuration.md, the validation and
 * the report at start. Precedence, weakest first: default, `.env`, environment, command line (`--set NAME=value`).
 * An empty value is the default. The first bad value ends the load with one sentence: the name, what was found, what
 * was expected and where it stands. Values of secrets are in no message and no report.
 * Threads: loaded once before any thread starts, read-only afterwards, so any thread may read it.
 * Ownership: all strings belong to the config and live until config_deinit. */
#pragma once
#include "abi.h"
#include "base/errors.h"
#include "base/log.h"
#include "base/service_key.h"
#include "config_form.h"

enum { MACHINE_ID_BYTES = CONFIG_ID_BYTES, MAX_WORKERS = 8 };

typedef enum cpu_placement { CPU_PLACEMENT_ANY, CPU_PLACEMENT_SPREAD } cpu_placement;
typedef enum outbox_sync { OUTBOX_SYNC_NORMAL, OUTBOX_SYNC_FULL } outbox_sync;
typedef enum late_bars { LATE_BARS_EVALUATE, LATE_BARS_SKIP } late_bars;
typedef enum inclusion { INCLUSION_EXCLUDE, INCLUSION_INCLUDE } inclusion;
typedef enum switched { SWITCHED_OFF, SWITCHED_ON } switched;
typedef enum market_kind { MARKET_SPOT, MARKET_USDM } market_kind;

typedef enum notify_body { NOTIFY_BODY_FULL, NOTIFY_BODY_TEXT } notify_body;
typedef enum notify_signals { NOTIFY_SIGNALS_ALL, NOTIFY_SIGNALS_ASKED } notify_signals;
typedef enum ai_provider { AI_GEMINI, AI_OPENAI } ai_provider;
typedef enum ai_signals { AI_SIGNALS_ASKED, AI_SIGNALS_ALL } ai_signals;
typedef enum ai_thinking {
    AI_THINKING_DEFAULT,
    AI_THINKING_OFF,
    AI_THINKING_LOW,
    AI_THINKING_MEDIUM,
    AI_THINKING_HIGH
} ai_thinking;

typedef struct config {
    const char *machine_id; /* "" when one is to be generated and kept: orchestrator_machine.h */
    const char *machine_region;
    int64_t machine_cpus; /* first number of workers; already cut to the CPUs there are */
    int64_t machine_memory_mb;

    enum interval kline_interval;
    int64_t screening_interval_ms;
    int64_t symbol_count;
    config_list symbols; /* upper case, each once; empty: the universe is chosen by volume */
    const char *quote_asset;
    int64_t min_quote_volume;
    inclusion leveraged_tokens, stablecoins;
    int64_t universe_refresh_min;
    market_kind market;
    int64_t kline_history, snapshot_interval_ms;
    late_bars late_bars;
    int64_t audit_interval_ms;
    const char *traders_dir;

    const char *host;
    int64_t connections_per_address;
    int64_t requests_per_minute; /* 0: no limit */
    config_list auth_origins;    /* scheme://host[:port] */
    const char *auth_issuer, *auth_jwt_secret;
    int64_t port, metrics_port; /* 0: any free one */

    bool is_cloud;            /* all of the next three are there */
    const char *user_id;      /* else "local" */
    const char *supabase_url; /* no slash at the end */
    const char *supabase_key; /* decoded */
    const char *supabase_key_base64;
    int64_t sync_interval_ms;
    switched realtime;
    double vcpu_hour_usd;

    switched scale_workers, scale_machine;
    int64_t scale_sample_ms, scale_min_cpus, scale_max_cpus, scale_max_a_day, scale_cooldown_s, scale_down_after_h,
        scale_hold_h;
    int64_t scale_lag_ms;
    double scale_month_usd, fly_vcpu_month_usd, fly_gb_month_usd; /* ceiling 0: none */
    const char *fly_app_name, *fly_machine_id, *fly_api_token;    /* "": none */
    const char *fly_org, *provision_image, *provision_regions, *provision_proxy_url;
    int64_t provision_health_s;
    const char *fly_api_url, *fly_api_socket; /* no slash at the end; "": none */

    const char *data_dir;
    int64_t outbox_reserve_mb;
    outbox_sync outbox_sync;
    cpu_placement cpu_placement;

    config_list binance_ws_urls, binance_rest_urls; /* no slash at the end; empty: the market's own hosts */
    const char *binance_dumps_url;                  /* the same; empty: the market's own */
    int64_t streams_per_connection, stream_life_s;

    int64_t script_cpu_ms, script_load_cpu_ms, script_memory_mb;
    int64_t script_max_errors, script_max_kills;
    int64_t max_signals_per_trader_hour;

    const char *gemini_api_key, *gemini_model, *gemini_base_url; /* key "": off */
    const char *openai_api_key, *openai_model, *openai_base_url; /* URL "": off */
    ai_provider ai_provider;                                     /* asked first when both are on */
    ai_signals ai_signals;
    ai_thinking ai_thinking;
    double ai_temperature;                                                /* NaN: the model's own */
    int64_t ai_concurrency, ai_requests_per_minute, ai_tokens_per_minute; /* rates 0: no limit */
    int64_t ai_daily_requests, ai_daily_tokens;                           /* 0: no limit */
    double ai_daily_budget_usd;                                           /* 0: no limit */
    config_list ai_prices;
    int64_t ai_max_output_tokens, ai_timeout_ms, ai_max_age_min, ai_reanalyse_max, ai_queue_max;

    const char *notify_webhook_url, *notify_webhook_secret; /* URL "": off; secret "": not signed */
    notify_body notify_webhook_body;
    const char *notify_telegram_token, *notify_telegram_chat, *notify_telegram_url; /* token "": off */
    const char *notify_discord_url;                                                 /* "": off */
    notify_signals notify_signals;
    const char *notify_message;                                                               /* "": the default */
    int64_t notify_max_age_min;                                                               /* 0: any */
    int64_t notify_webhook_per_minute, notify_telegram_per_minute, notify_discord_per_minute; /* 0: no limit */
    const char *heartbeat_url;                                                                /* "": off */
    int64_t heartbeat_interval_s;

    log_level log_level;
    log_format log_format;

    struct config_values *values; /* the texts, and where they came from; private to config.c */
} config;

/* What a configuration is made from; nothing else is read but the `.env` file and the folders that TRADERS_DIR's
 * default looks into. */
typedef struct config_input {
    const char *const *environment; /* NAME=value, NULL at the end */
    const char *dotenv_path;        /* NULL: none; a missing file is fine */
    const char *const *assignments; /* NAME=value of the command line; NULL at the end, or NULL */
    const char *executable;         /* path of the running program, or NULL */
    int64_t n_cpus;                 /* that this process may run on */
} config_input;

/* This process's environment, `.env` in the current folder, executable and CPUs; no assignments. The path of the
 * executable goes to `path`. */
void config_input_here(config_input *input, char *path, size_t path_bytes);

/* On failure `why` is filled and `out` needs no deinit. ERR_INVALID (a bad value), ERR_SYNTAX (`.env`), ERR_NOT_FOUND
 * (an assignment to an unknown name), ERR_IO, ERR_TOO_BIG, ERR_NO_MEMORY. */
MUST_CHECK err config_load(const config_input *input, config *out, diag *why);
/* The service key as it stands now: `.env` is read again, what is stronger stays as it was at the load. The environment and
 * assignments of that load must still be there. Of the same errors. */
MUST_CHECK err config_read_key(const config *cfg, char out[SERVICE_KEY_MAX_BYTES], diag *why);
/* A zeroed config is fine. */
void config_deinit(config *cfg);

/* What the operator should hear although it does not stop the start, one sentence each. */
size_t config_warning_count(const config *cfg);
const char *config_warning(const config *cfg, size_t index);

/* One row of the table, with its value when a config was given. Pointers are borrowed from the table or the config. */
typedef struct config_item {
    const char *name, *group, *effect;
    const char *default_text; /* the default, or how it is found; "" when there is none */
    const char *value;        /* "(hidden)" for a secret that is set; "" when there is none */
    char expected[128];       /* the form of a value, e.g. "a whole number from 0 to 65535" */
    char source[64];          /* "default", "environment", ".env:3", "command line" */
    bool is_set;              /* other than by default */
    bool is_secret;
    bool is_live; /* SIGHUP re-reads it */
} config_item;

size_t config_item_count(void);
/* `cfg` may be NULL: value and source are then empty. */
void config_item_get(const config *cfg, size_t index, config_item *out);

/* The report at start, to the log: one line per setting (value, effect, source), then the warnings. */
void config_log(const config *cfg);
