/* The table of settings, and how a configuration is made from it.
 *
 *   default ──► .env ──► environment ──► command line      texts, the later one wins
 *                          │
 *                          ▼
 *              check and convert, by the setting's type    the first bad one ends the load
 *                          │
 *                          ▼
 *                    typed fields of `config`              through the offset in the table
 *
 * All texts are collected first and checked afterwards, so a bad value that a stronger source replaces does no harm,
 * and the texts stay for the report. A name that is known but does nothing yet is in the table too: whoever sets it
 * is told, instead of being left to believe that it works. */
#include "config.h"

#include "base/dotenv.h"
#include "base/nearest.h"
#include "market/symbol.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- the table ---- */

typedef struct loader loader;

typedef struct setting {
    const char *name, *group, *effect;
    config_form form;
    size_t offset;       /* of the field in `config` */
    const char *initial; /* the default as text; NULL: none, or `derive` finds it */
    /* A default that depends on where we run; writes it, or leaves "". `described` says how, for people. */
    void (*derive)(const loader *l, char *out, size_t bytes);
    const char *described;
    bool is_secret;
    bool is_live;
    bool is_cloud;  /* switches cloud mode on */
    bool is_unused; /* checked, but nothing reads it in this version */
} setting;

static void derive_machine_id(const loader *l, char *out, size_t bytes);
static void derive_machine_region(const loader *l, char *out, size_t bytes);
static void derive_host(const loader *l, char *out, size_t bytes);
static void derive_data_dir(const loader *l, char *out, size_t bytes);
static void derive_traders_dir(const loader *l, char *out, size_t bytes);

static const char *const INCLUSIONS[] = {"exclude", "include", NULL};
static const char *const MARKETS[] = {"spot", "usdm", NULL};
static const char *const CPU_PLACEMENTS[] = {"any", "spread", NULL};
static const char *const OUTBOX_SYNCS[] = {"normal", "full", NULL};
static const char *const LATE_BARS_NAMES[] = {"evaluate", "skip", NULL};
static const char *const AI_PROVIDERS[] = {"gemini", "openai", NULL};
static const char *const AI_SIGNALS_NAMES[] = {"asked", "all", NULL};
static const char *const AI_THINKINGS[] = {"default", "off", "low", "medium", "high", NULL};
static const char *const SWITCHES[] = {"off", "on", NULL};
static const char *const LOG_LEVELS[] = {"debug", "info", "warn", "error", "off", NULL};
static const char *const LOG_FORMATS[] = {"auto", "human", "json", NULL};

#define FIELD(field) .offset = offsetof(config, field)
#define WHOLE(from, to) .form = {.type = TYPE_WHOLE, .min = (from), .max = (to)}
#define DECIMAL(from, to) .form = {.type = TYPE_DECIMAL, .min = (from), .max = (to)}
#define CHOICE(list) .form = {.type = TYPE_CHOICE, .choices = (list)}
#define OF_TYPE(name) .form = {.type = (name)}
#define OPTIONAL(name) .form = {.type = (name), .is_optional = true}
#define LATER .group = "Later", .form = {.type = TYPE_IGNORED}
#define CLOUD .group = "Cloud", .is_cloud = true

/* clang-format off */
static const setting SETTINGS[] = {
    {.name = "SYMBOLS", .group = "Market", FIELD(symbols), OPTIONAL(TYPE_SYMBOLS),
     .effect = "exactly these symbols, e.g. BTCUSDT,ETHUSDT; without it the universe is chosen by volume"},
    {.name = "SYMBOL_COUNT", .group = "Market", FIELD(symbol_count), WHOLE(1, SYMBOL_MAX), .initial = "100",
     .effect = "how many symbols to watch: those with the highest 24 h volume; unused when SYMBOLS is set"},
    {.name = "QUOTE_ASSET", .group = "Market", FIELD(quote_asset), OF_TYPE(TYPE_ASSET), .initial = "USDT",
     .effect = "only symbols that are quoted in this asset; unused when SYMBOLS is set"},
    {.name = "MIN_QUOTE_VOLUME", .group = "Market", FIELD(min_quote_volume), WHOLE(0, 1000000000000), .initial = "0",
     .effect = "least 24 h volume of a symbol, in the quote asset; unused when SYMBOLS is set"},
    {.name = "LEVERAGED_TOKENS", .group = "Market", FIELD(leveraged_tokens), CHOICE(INCLUSIONS), .initial = "exclude",
     .effect = "tokens such as BTCUP or ETHBEAR among the symbols chosen by volume"},
    {.name = "STABLECOINS", .group = "Market", FIELD(stablecoins), CHOICE(INCLUSIONS), .initial = "exclude",
     .effect = "stablecoins and currencies (USDC, FDUSD, EUR, ...) among the symbols chosen by volume"},
    {.name = "UNIVERSE_REFRESH_MIN", .group = "Market", FIELD(universe_refresh_min), WHOLE(1, 1440), .initial = "60",
     .effect = "market time between two looks at what the exchange lists and at its volumes, minutes"},
    {.name = "MARKET", .group = "Market", FIELD(market), CHOICE(MARKETS), .initial = "spot",
     .effect = "the market whose candles are read: spot, or usdm (USD-M perpetual futures)"},
    {.name = "KLINE_INTERVAL", .group = "Market", FIELD(kline_interval), OF_TYPE(TYPE_INTERVAL), .initial = "5m",
     .effect = "interval of traders that name none"},
    {.name = "KLINE_HISTORY", .group = "Market", FIELD(kline_history), WHOLE(300, 20000), .initial = "1000",
     .effect = "closed bars kept per symbol and interval, at least; a trader that looks back further keeps more"},
    {.name = "SCREENING_INTERVAL_MS", .group = "Market", FIELD(screening_interval_ms), WHOLE(100, 3600000),
     .initial = "60000",
     .effect = "shortest time between two evaluations of an on = \"tick\" trader on one symbol, ms"},
    {.name = "LATE_BARS", .group = "Market", FIELD(late_bars), CHOICE(LATE_BARS_NAMES), .initial = "evaluate",
     .effect = "bars that closed while the daemon was down: evaluate them late, or skip them"},
    {.name = "AUDIT_INTERVAL_MS", .group = "Market", FIELD(audit_interval_ms), WHOLE(0, 86400000), .initial = "3600000",
     .effect = "closed bars are read again from the exchange once in so long (market time), and corrected where they"
               " differ; 0: never"},
    {.name = "BINANCE_WS_URL", .group = "Market", FIELD(binance_ws_urls), OPTIONAL(TYPE_WS_URLS),
     .effect = "where candles stream from, instead of the market's own hosts; the next of several is tried when one "
               "fails"},
    {.name = "BINANCE_REST_URL", .group = "Market", FIELD(binance_rest_urls), OPTIONAL(TYPE_HTTP_URLS),
     .effect = "where history and the list of symbols come from, instead of the market's own hosts; the next of several "
               "is asked when one fails"},
    {.name = "BINANCE_DUMPS_URL", .group = "Market", FIELD(binance_dumps_url), OPTIONAL(TYPE_HTTP_URL),
     .effect = "where `fetch` finds the public dumps of history, instead of the market's own host"},
    {.name = "STREAMS_PER_CONNECTION", .group = "Market", FIELD(streams_per_connection), WHOLE(1, 1024), .initial = "1024",
     .effect = "most streams (symbols x intervals) of one connection; as many connections as are needed are made"},
    {.name = "STREAM_LIFE_S", .group = "Market", FIELD(stream_life_s), WHOLE(1, 86400), .initial = "82800",
     .effect = "age at which a connection is replaced, up to an eighth earlier, seconds; Binance closes it after 24 hours"},

    {.name = "TRADERS_DIR", .group = "Traders", FIELD(traders_dir), OF_TYPE(TYPE_PATH), .derive = derive_traders_dir,
     .described = "lua/traders here, else the built-in ones beside the program",
     .effect = "folder of the trader files"},
    {.name = "SCRIPT_CPU_MS", .group = "Traders", FIELD(script_cpu_ms), WHOLE(1, 10000), .initial = "20",
     .effect = "CPU time that one evaluation may take, ms; a trader that needs more is stopped and quarantined"},
    {.name = "SCRIPT_LOAD_CPU_MS", .group = "Traders", FIELD(script_load_cpu_ms), WHOLE(10, 60000), .initial = "500",
     .effect = "CPU time that loading a trader, its prompt or its plots may take, ms"},
    {.name = "SCRIPT_MEMORY_MB", .group = "Traders", FIELD(script_memory_mb), WHOLE(8, 1024), .initial = "64",
     .effect = "memory of one worker's script state, MB"},
    {.name = "SCRIPT_MAX_ERRORS", .group = "Traders", FIELD(script_max_errors), WHOLE(1, 1000), .initial = "5",
     .effect = "errors in a row on one symbol after which a trader is quarantined: it runs on no symbol any more"},
    {.name = "SCRIPT_MAX_KILLS", .group = "Traders", FIELD(script_max_kills), WHOLE(1, 1000000), .initial = "200",
     .effect = "stopped scripts after which the daemon drains and starts itself anew: each costs address space"},
    {.name = "MAX_SIGNALS_PER_TRADER_HOUR", .group = "Traders", FIELD(max_signals_per_trader_hour),
     WHOLE(1, 1000000), .initial = "500", .effect = "signals in an hour of market time after which a trader is paused as flooding"},

    {.name = "HOST", .group = "Server", FIELD(host), OF_TYPE(TYPE_HOST), .derive = derive_host,
     .described = "127.0.0.1; :: in cloud mode or when FLY_MACHINE_ID is set",
     .effect = "address to listen on; 127.0.0.1 is reachable from this machine only, :: from everywhere"},
    {.name = "PORT", .group = "Server", FIELD(port), WHOLE(0, 65535), .initial = "8080",
     .effect = "port of the HTTP interface and the browser channel; 0: any free one, told at start"},
    {.name = "AUTH_ORIGINS", .group = "Server", FIELD(auth_origins), OPTIONAL(TYPE_ORIGINS),
     .effect = "further web origins that may open the browser channel, e.g. https://app.example.com"},

    {.name = "DATA_DIR", .group = "Storage", FIELD(data_dir), OF_TYPE(TYPE_PATH), .derive = derive_data_dir,
     .described = "$XDG_STATE_HOME/trademind, else ~/.local/state/trademind",
     .effect = "folder of the database, the token and the machine's name; made when it is missing"},
    {.name = "OUTBOX_SYNC", .group = "Storage", FIELD(outbox_sync), CHOICE(OUTBOX_SYNCS), .initial = "normal",
     .effect = "normal: committed signals survive a killed daemon; full: a power cut too, at some speed"},
    {.name = "OUTBOX_RESERVE_MB", .group = "Storage", FIELD(outbox_reserve_mb), WHOLE(1, 1048576), .initial = "64",
     .effect = "with less room than this on the disk, metrics and notes are dropped to leave it to signals, MB"},
    {.name = "SNAPSHOT_INTERVAL_MS", .group = "Storage", FIELD(snapshot_interval_ms), WHOLE(0, 86400000),
     .initial = "300000", .effect = "how often bars and indicators are written down for the next start, ms; 0: only at the end"},


    {.name = "MACHINE_ID", .group = "Machine", FIELD(machine_id), OPTIONAL(TYPE_ID), .derive = derive_machine_id,
     .described = "FLY_MACHINE_ID, else generated and kept in DATA_DIR", .effect = "this machine's name in all rows"},
    {.name = "MACHINE_REGION", .group = "Machine", FIELD(machine_region), OF_TYPE(TYPE_ID),
     .derive = derive_machine_region, .described = "FLY_REGION, else sin", .effect = "region, recorded in rows"},
    {.name = "MACHINE_CPUS", .group = "Machine", FIELD(machine_cpus), WHOLE(1, MAX_WORKERS), .initial = "1",
     .effect = "first number of screener workers; never more than the CPUs that are really there"},
    {.name = "CPU_PLACEMENT", .group = "Machine", FIELD(cpu_placement), CHOICE(CPU_PLACEMENTS), .initial = "any",
     .effect = "spread: each worker keeps to a CPU of its own and leaves the last one to the first worker, for the least delay "
               "on a machine that runs nothing else; any: the system decides"},
    {.name = "MACHINE_MEMORY", .group = "Machine", FIELD(machine_memory_mb), WHOLE(64, 1048576), .initial = "256",
     .is_unused = true, .effect = "memory that the daemon may plan with, MB"},

    {.name = "GEMINI_API_KEY", .group = "Analysis", FIELD(gemini_api_key), OPTIONAL(TYPE_SECRET), .is_secret = true,
     .effect = "switches on the analysis of signals by Gemini"},
    {.name = "GEMINI_MODEL", .group = "Analysis", FIELD(gemini_model), OF_TYPE(TYPE_MODEL), .initial = "gemini-3.8-flash",
     .effect = "model of Gemini; a trader may name another"},
    {.name = "GEMINI_BASE_URL", .group = "Analysis", FIELD(gemini_base_url), OF_TYPE(TYPE_HTTP_URL),
     .initial = "https://generativelanguage.googleapis.com", .effect = "where Gemini is asked"},
    {.name = "OPENAI_BASE_URL", .group = "Analysis", FIELD(openai_base_url), OPTIONAL(TYPE_HTTP_URL),
     .effect = "switches on the analysis by an OpenAI-compatible server, version included: https://openrouter.ai/api/v1"},
    {.name = "OPENAI_API_KEY", .group = "Analysis", FIELD(openai_api_key), OPTIONAL(TYPE_SECRET), .is_secret = true,
     .effect = "key of that server, if it wants one"},
    {.name = "OPENAI_MODEL", .group = "Analysis", FIELD(openai_model), OPTIONAL(TYPE_MODEL),
     .effect = "model of that server; needed with OPENAI_BASE_URL"},
    {.name = "AI_PROVIDER", .group = "Analysis", FIELD(ai_provider), CHOICE(AI_PROVIDERS), .initial = "gemini",
     .effect = "who is asked first when both are on; the other one is asked while the first does not serve"},
    {.name = "AI_SIGNALS", .group = "Analysis", FIELD(ai_signals), CHOICE(AI_SIGNALS_NAMES), .initial = "asked",
     .effect = "asked: signals of traders that have a prompt or an analysis; all: of all but those that say when = \"manual\""},
    {.name = "AI_CONCURRENCY", .group = "Analysis", FIELD(ai_concurrency), WHOLE(1, 64), .initial = "4",
     .effect = "requests at once"},
    {.name = "AI_REQUESTS_PER_MINUTE", .group = "Analysis", FIELD(ai_requests_per_minute), WHOLE(0, 100000), .initial = "60",
     .effect = "requests in a minute, at most; 0: no limit"},
    {.name = "AI_TOKENS_PER_MINUTE", .group = "Analysis", FIELD(ai_tokens_per_minute), WHOLE(0, 1000000000), .initial = "0",
     .effect = "input tokens in a minute, at most; 0: no limit"},
    {.name = "AI_DAILY_REQUESTS", .group = "Analysis", FIELD(ai_daily_requests), WHOLE(0, 1000000000), .initial = "0",
     .effect = "requests in a day (UTC), at most; 0: no limit"},
    {.name = "AI_DAILY_TOKENS", .group = "Analysis", FIELD(ai_daily_tokens), WHOLE(0, 1000000000000), .initial = "0",
     .effect = "tokens in a day (UTC), in and out, at most; 0: no limit"},
    {.name = "AI_DAILY_BUDGET_USD", .group = "Analysis", FIELD(ai_daily_budget_usd), DECIMAL(0, 1000000), .initial = "5",
     .effect = "dollars in a day (UTC), at most, by the prices of AI_PRICES; 0: no limit"},
    {.name = "AI_PRICES", .group = "Analysis", FIELD(ai_prices), OPTIONAL(TYPE_PRICES),
     .described = "the known prices of Gemini's models",
     .effect = "prices of models, before the known ones: gemini-3.8-flash=0.75/3.75/0.075, my-own=0/0"},
    {.name = "AI_TEMPERATURE", .group = "Analysis", FIELD(ai_temperature),
     .form = {.type = TYPE_DECIMAL, .min = 0, .max = 2, .is_optional = true}, .described = "the model's own",
     .effect = "temperature of the models; a prompt may name another"},
    {.name = "AI_THINKING", .group = "Analysis", FIELD(ai_thinking), CHOICE(AI_THINKINGS), .initial = "default",
     .effect = "how much a model thinks before it answers, where it can be told; thinking is paid for as output"},
    {.name = "AI_MAX_OUTPUT_TOKENS", .group = "Analysis", FIELD(ai_max_output_tokens), WHOLE(256, 65536), .initial = "4096",
     .effect = "most tokens of an answer, thinking included"},
    {.name = "AI_TIMEOUT_MS", .group = "Analysis", FIELD(ai_timeout_ms), WHOLE(100, 600000), .initial = "60000",
     .effect = "time that one request may take, ms"},
    {.name = "AI_MAX_AGE_MIN", .group = "Analysis", FIELD(ai_max_age_min), WHOLE(1, 10080), .initial = "60",
     .effect = "a signal whose bar closed longer ago is not analysed any more but recorded as expired, minutes of market time"},
    {.name = "AI_REANALYSE_MAX", .group = "Analysis", FIELD(ai_reanalyse_max), WHOLE(0, 100), .initial = "5",
     .effect = "how often a signal that is to wait is looked at again, at the next closes of its interval"},
    {.name = "AI_QUEUE_MAX", .group = "Analysis", FIELD(ai_queue_max), WHOLE(1, 10000), .initial = "500",
     .effect = "analyses that may wait; beyond, those of the oldest bars are given up"},

    {.name = "LOG_LEVEL", .group = "Log", FIELD(log_level), CHOICE(LOG_LEVELS), .initial = "info",
     .effect = "least level that is written to stderr"},
    {.name = "LOG_FORMAT", .group = "Log", FIELD(log_format), CHOICE(LOG_FORMATS), .initial = "auto",
     .effect = "human lines, json (one object a line), or auto: human on a terminal, json elsewhere"},

    {.name = "USER_ID", CLOUD, FIELD(user_id), OPTIONAL(TYPE_ID),
     .effect = "whose machine this is: the owner of all rows. One of these four set is cloud mode, and all are needed then"},
    {.name = "SUPABASE_URL", CLOUD, FIELD(supabase_url), OPTIONAL(TYPE_HTTP_URL),
     .effect = "the Supabase project that signals, analyses, events and metrics are written to"},
    {.name = "SUPABASE_SERVICE_KEY", CLOUD, FIELD(supabase_key), OPTIONAL(TYPE_KEY), .is_secret = true,
     .effect = "the project's secret key; read again when the project refuses it"},
    {.name = "SUPABASE_SERVICE_KEY_B64", CLOUD, FIELD(supabase_key_base64), OPTIONAL(TYPE_KEY_BASE64), .is_secret = true,
     .effect = "the same in Base64, for hosts that blank a JWT; unused when SUPABASE_SERVICE_KEY is set"},
    {.name = "SYNC_INTERVAL_MS", .group = "Cloud", FIELD(sync_interval_ms), WHOLE(100, 3600000), .initial = "10000",
     .effect = "what waits is written to the cloud at least so often, ms; 100 waiting rows are written at once"},
    {.name = "REALTIME", .group = "Cloud", FIELD(realtime), CHOICE(SWITCHES), .initial = "off",
     .effect = "on: new signals are also broadcast on the channel user:USER_ID of Supabase Realtime"},
    {.name = "VCPU_HOUR_USD", .group = "Cloud", FIELD(vcpu_hour_usd), OF_TYPE(TYPE_AMOUNT), .initial = "0.00095",
     .effect = "price of one vCPU for an hour, for cloud_costs"},

    {.name = "METRICS_PORT", LATER, .effect = "port of the metrics"},
    {.name = "HEARTBEAT_URL", LATER, .effect = "address to call while all is well"},
    {.name = "FLY_API_TOKEN", LATER, .effect = "scaling on Fly", .is_secret = true},
    {.name = "FLY_APP_NAME", LATER, .effect = "scaling on Fly, which sets it by itself"},
    {.name = "SCALE_*", LATER, .effect = "scaling: every name that starts with SCALE_"},
};
/* clang-format on */

enum { N_SETTINGS = sizeof SETTINGS / sizeof *SETTINGS };

/* A mistyped name is worth a word only where it can hardly be meant for another program. */
static const char *const OWN_PREFIXES[] = {"SCRIPT_", "KLINE_", "BINANCE_", "AI_", "SCALE_", "AUTH_", "LOG_"};

/* ---- the texts and where they came from ---- */

typedef enum source { SOURCE_DEFAULT, SOURCE_DOTENV, SOURCE_ENVIRONMENT, SOURCE_COMMAND_LINE } source;

typedef struct value {
    char *text; /* NULL: none given */
    source source;
    int32_t line; /* SOURCE_DOTENV */
} value;

struct config_values {
    value values[N_SETTINGS];
    char *dotenv_path;
    char **warnings;
    size_t n_warnings;
    config_input input; /* without the executable */
    char key[SERVICE_KEY_MAX_BYTES];
};

/* One load under way. */
struct loader {
    const config_input *input;
    config *cfg;
    struct config_values *values;
    diag *why;
};

static err collect_dotenv(loader *l);
static err collect_environment(loader *l);
static err collect_assignments(loader *l);
static err judge_cloud(const loader *l);
static err choose_key(loader *l);
static err warn_user(loader *l);
static err fill_default(loader *l, size_t index);
static err convert(loader *l, size_t index);
static err cut_cpus(loader *l);
static err warn_ignored(loader *l);

static err no_memory(diag *why) {
    return diag_set(why, ERR_NO_MEMORY, "out of memory while reading the configuration");
}

err config_load(const config_input *input, config *out, diag *why) {
    *out = (config){.values = calloc(1, sizeof(struct config_values))};
    loader l = {.input = input, .cfg = out, .values = out->values, .why = why};
    if (!out->values) return no_memory(why);
    out->values->input = *input;
    out->values->input.executable = NULL;
    err e = collect_dotenv(&l);
    if (e == OK) e = collect_environment(&l);
    if (e == OK) e = collect_assignments(&l);
    if (e == OK) e = judge_cloud(&l);
    for (size_t i = 0; e == OK && i < N_SETTINGS; i++) {
        e = fill_default(&l, i);
        if (e == OK) e = convert(&l, i);
    }
    if (e == OK) e = choose_key(&l);
    if (e == OK) e = warn_user(&l);
    if (e == OK) e = cut_cpus(&l);
    if (e == OK) e = warn_ignored(&l);
    if (e != OK) config_deinit(out);
    return e;
}

void config_deinit(config *cfg) {
    config_list_free(&cfg->symbols);
    config_list_free(&cfg->auth_origins);
    config_list_free(&cfg->ai_prices);
    config_list_free(&cfg->binance_ws_urls);
    config_list_free(&cfg->binance_rest_urls);
    if (cfg->values) {
        for (size_t i = 0; i < N_SETTINGS; i++) free(cfg->values->values[i].text);
        for (size_t i = 0; i < cfg->values->n_warnings; i++) free(cfg->values->warnings[i]);
        free(cfg->values->warnings);
        free(cfg->values->dotenv_path);
        free(cfg->values);
    }
    *cfg = (config){0};
}

err config_read_key(const config *cfg, char out[SERVICE_KEY_MAX_BYTES], diag *why) {
    config again;
    err e = config_load(&cfg->values->input, &again, why);
    if (e != OK) return e;
    snprintf(out, SERVICE_KEY_MAX_BYTES, "%s", again.is_cloud ? again.supabase_key : "");
    config_deinit(&again);
    return *out ? OK : diag_set(why, ERR_INVALID, "SUPABASE_SERVICE_KEY is not set any more");
}

void config_input_here(config_input *input, char *path, size_t path_bytes) {
    extern char **environ;
    *input = (config_input){.environment = (const char *const *)environ, .dotenv_path = ".env", .n_cpus = 1};
    ssize_t bytes = readlink("/proc/self/exe", path, path_bytes - 1);
    path[bytes > 0 ? bytes : 0] = 0;
    if (bytes > 0) input->executable = path;
    cpu_set_t cpus;
    if (sched_getaffinity(0, sizeof cpus, &cpus) == 0) input->n_cpus = CPU_COUNT(&cpus);
}

/* ---- collecting ---- */

__attribute__((format(printf, 2, 3))) static err warn(loader *l, const char *format, ...) {
    struct config_values *v = l->values;
    char **longer = realloc(v->warnings, (v->n_warnings + 1) * sizeof *longer);
    if (!longer) return no_memory(l->why);
    v->warnings = longer;
    va_list args;
    va_start(args, format);
    int written = vasprintf(&v->warnings[v->n_warnings], format, args);
    va_end(args);
    if (written < 0) return no_memory(l->why);
    v->n_warnings++;
    return OK;
}

/* "AI_*" stands for every name with that beginning. */
static bool names_setting(const setting *s, const char *name) {
    size_t bytes = strlen(s->name);
    if (s->name[bytes - 1] == '*') return strncmp(s->name, name, bytes - 1) == 0;
    return strcmp(s->name, name) == 0;
}

static const setting *find_setting(const char *name) {
    for (size_t i = 0; i < N_SETTINGS; i++) {
        if (names_setting(&SETTINGS[i], name)) return &SETTINGS[i];
    }
    return NULL;
}

static bool has_own_prefix(const char *name) {
    for (size_t i = 0; i < sizeof OWN_PREFIXES / sizeof *OWN_PREFIXES; i++) {
        if (strncmp(name, OWN_PREFIXES[i], strlen(OWN_PREFIXES[i])) == 0) return true;
    }
    return false;
}

/* NULL when none is near. */
static const char *suggest(const char *name, bool own_prefixes_only) {
    const char *names[N_SETTINGS + 1];
    size_t count = 0;
    for (size_t i = 0; i < N_SETTINGS; i++) {
        bool is_wanted =
            SETTINGS[i].form.type != TYPE_IGNORED && (!own_prefixes_only || has_own_prefix(SETTINGS[i].name));
        if (is_wanted) names[count++] = SETTINGS[i].name;
    }
    names[count] = NULL;
    return nearest_name(name, names);
}

static err store(loader *l, const setting *s, const char *text, source from, int32_t line) {
    value *v = &l->values->values[s - SETTINGS];
    char *copy = strdup(text);
    if (!copy) return no_memory(l->why);
    free(v->text);
    *v = (value){.text = copy, .source = from, .line = line};
    return OK;
}

static err on_dotenv(void *context, const char *name, const char *text, int32_t line, diag *why) {
    (void)why; /* the loader's own */
    loader *l = context;
    const setting *s = find_setting(name);
    if (s) return store(l, s, text, SOURCE_DOTENV, line);
    const char *meant = suggest(name, false);
    if (!meant) return OK;
    return warn(l, "%s is not a setting (%s:%d); did you mean %s?", name, l->values->dotenv_path, (int)line, meant);
}

static err collect_dotenv(loader *l) {
    if (!l->input->dotenv_path) return OK;
    l->values->dotenv_path = strdup(l->input->dotenv_path);
    if (!l->values->dotenv_path) return no_memory(l->why);
    err e = dotenv_read(l->input->dotenv_path, on_dotenv, l, l->why);
    return e == ERR_NOT_FOUND ? OK : e;
}

/* Splits "NAME=value" and keeps the name in `name`, cut when it is longer. NULL when there is no "=". */
static const char *split_assignment(const char *assignment, char *name, size_t name_bytes) {
    const char *equals = strchr(assignment, '=');
    if (!equals) return NULL;
    snprintf(name, name_bytes, "%.*s", (int)(equals - assignment), assignment);
    return equals + 1;
}

enum { NAME_BYTES = 128 };

static err collect_environment(loader *l) {
    for (const char *const *at = l->input->environment; at && *at; at++) {
        char name[NAME_BYTES];
        const char *text = split_assignment(*at, name, sizeof name);
        if (!text) continue;
        const setting *s = find_setting(name);
        const char *meant = s ? NULL : suggest(name, true);
        err e = OK;
        if (s) e = store(l, s, text, SOURCE_ENVIRONMENT, 0);
        if (meant) e = warn(l, "%s is not a setting (environment); did you mean %s?", name, meant);
        if (e != OK) return e;
    }
    return OK;
}

static err collect_assignments(loader *l) {
    for (const char *const *at = l->input->assignments; at && *at; at++) {
        char name[NAME_BYTES];
        const char *text = split_assignment(*at, name, sizeof name);
        if (!text) return diag_set(l->why, ERR_INVALID, "--set \"%s\": found no \"=\"; expected NAME=value", *at);
        const setting *s = find_setting(name);
        if (!s) {
            const char *meant = suggest(name, false);
            return diag_set(l->why, ERR_NOT_FOUND, "--set %s: there is no such setting; %s%s%s", name,
                            meant ? "did you mean " : "trademind help config lists them", meant ? meant : "",
                            meant ? "?" : "");
        }
        err e = store(l, s, text, SOURCE_COMMAND_LINE, 0);
        if (e != OK) return e;
    }
    return OK;
}

static bool is_given(const value *v) { return v->text && *v->text; }

static const value *value_of(const loader *l, const char *name) {
    return &l->values->values[find_setting(name) - SETTINGS];
}

/* A part of them would run without the database that the operator expects. */
static err judge_cloud(const loader *l) {
    static const char *const needed[] = {"USER_ID", "SUPABASE_URL"};
    const char *given = NULL, *missing = NULL;
    for (size_t i = 0; i < N_SETTINGS; i++)
        if (SETTINGS[i].is_cloud && is_given(&l->values->values[i])) given = SETTINGS[i].name;
    if (!given) return OK;
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if (!is_given(value_of(l, needed[i]))) missing = needed[i];
    if (!is_given(value_of(l, "SUPABASE_SERVICE_KEY")) && !is_given(value_of(l, "SUPABASE_SERVICE_KEY_B64")))
        missing = "SUPABASE_SERVICE_KEY";
    l->cfg->is_cloud = true;
    if (!missing) return OK;
    return diag_set(l->why, ERR_INVALID,
                    "%s is set, but %s is not; cloud mode needs USER_ID, SUPABASE_URL and SUPABASE_SERVICE_KEY (or "
                    "SUPABASE_SERVICE_KEY_B64), a local one none of them",
                    given, missing);
}

/* The plain one, else the decoded one. */
static err choose_key(loader *l) {
    if (!l->cfg->is_cloud) {
        l->cfg->user_id = "local";
        return OK;
    }
    if (*l->cfg->supabase_key) return OK;
    err e = service_key_decode(l->cfg->supabase_key_base64, l->values->key, l->why);
    l->cfg->supabase_key = l->values->key;
    return e;
}

/* Supabase's users are UUIDs; another name is good for a trial against a database of one's own. */
static err warn_user(loader *l) {
    static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    const char *id = l->cfg->user_id;
    bool is_uuid = strlen(id) == sizeof form - 1;
    for (size_t i = 0; is_uuid && form[i]; i++)
        is_uuid = form[i] == '-' ? id[i] == '-' : isxdigit((unsigned char)id[i]);
    if (!l->cfg->is_cloud || is_uuid) return OK;
    return warn(l, "USER_ID is \"%s\", which is no UUID: the tables of Supabase will refuse its rows", id);
}

/* ---- defaults ---- */

static const char *variable(const config_input *input, const char *name) {
    size_t bytes = strlen(name);
    for (const char *const *at = input->environment; at && *at; at++) {
        if (strncmp(*at, name, bytes) == 0 && (*at)[bytes] == '=') return *at + bytes + 1;
    }
    return "";
}

static void derive_machine_id(const loader *l, char *out, size_t bytes) {
    snprintf(out, bytes, "%s", variable(l->input, "FLY_MACHINE_ID"));
}

static void derive_machine_region(const loader *l, char *out, size_t bytes) {
    const char *region = variable(l->input, "FLY_REGION");
    snprintf(out, bytes, "%s", *region ? region : "sin");
}

static void derive_host(const loader *l, char *out, size_t bytes) {
    snprintf(out, bytes, "%s", l->cfg->is_cloud || *variable(l->input, "FLY_MACHINE_ID") ? "::" : "127.0.0.1");
}

/* The XDG specification says that a relative path is to be ignored. */
static void derive_data_dir(const loader *l, char *out, size_t bytes) {
    const char *state = variable(l->input, "XDG_STATE_HOME"), *home = variable(l->input, "HOME");
    if (*state == '/') {
        snprintf(out, bytes, "%s/trademind", state);
    } else if (*home) {
        snprintf(out, bytes, "%s/.local/state/trademind", home);
    }
}

static bool is_folder(const char *path) {
    struct stat found;
    return stat(path, &found) == 0 && S_ISDIR(found.st_mode);
}

/* Beside an installed program (../share/trademind/lua/traders) or one in its build folder (build/PRESET). */
static void derive_traders_dir(const loader *l, char *out, size_t bytes) {
    static const char here[] = "lua/traders";
    static const char *const beside[] = {"../share/trademind/lua/traders", "../../lua/traders"};
    snprintf(out, bytes, "%s", here);
    const char *slash = l->input->executable ? strrchr(l->input->executable, '/') : NULL;
    if (is_folder(here) || !slash) return;
    for (size_t i = 0; i < sizeof beside / sizeof *beside; i++) {
        char path[PATH_MAX], clean[PATH_MAX];
        int length = snprintf(path, sizeof path, "%.*s/%s", (int)(slash - l->input->executable), l->input->executable,
                              beside[i]);
        if (length >= PATH_MAX || !is_folder(path) || !realpath(path, clean)) continue;
        snprintf(out, bytes, "%s", clean);
        return;
    }
}

static err fill_default(loader *l, size_t index) {
    const setting *s = &SETTINGS[index];
    value *v = &l->values->values[index];
    if (s->form.type == TYPE_IGNORED || is_given(v)) return OK;
    char text[PATH_MAX] = "";
    if (s->derive) {
        s->derive(l, text, sizeof text);
    } else if (s->initial) {
        snprintf(text, sizeof text, "%s", s->initial);
    }
    return store(l, s, text, SOURCE_DEFAULT, 0);
}

/* ---- checking and converting ---- */

static void describe_source(const struct config_values *values, const value *v, char *out, size_t bytes) {
    if (v->source == SOURCE_DOTENV) {
        snprintf(out, bytes, "%s:%d", values->dotenv_path, (int)v->line);
    } else {
        static const char *const names[] = {"default", "", "environment", "command line"};
        snprintf(out, bytes, "%s", names[v->source]);
    }
}

enum { SHOWN_BYTES = 80 };

/* What was found, fit for one line of a terminal: cut, and without control characters. */
static void show_text(const char *text, char out[SHOWN_BYTES]) {
    size_t bytes = strlen(text), kept = bytes < SHOWN_BYTES ? bytes : SHOWN_BYTES - 4;
    for (size_t i = 0; i < kept; i++) out[i] = iscntrl((unsigned char)text[i]) ? '?' : text[i];
    snprintf(out + kept, SHOWN_BYTES - kept, "%s", bytes > kept ? "..." : "");
}

static err refuse(const loader *l, size_t index) {
    const setting *s = &SETTINGS[index];
    const value *v = &l->values->values[index];
    char expected[128], from[64], found[SHOWN_BYTES];
    config_form_describe(&s->form, expected, sizeof expected);
    describe_source(l->values, v, from, sizeof from);
    show_text(v->text, found);
    if (!*v->text)
        return diag_set(l->why, ERR_INVALID, "%s has no value and no default here (%s); expected %s", s->name,
                        s->described ? s->described : "none", expected);
    bool needs_article = v->source == SOURCE_ENVIRONMENT || v->source == SOURCE_COMMAND_LINE;
    return diag_set(l->why, ERR_INVALID, "%s is \"%s\"; expected %s (from %s%s)", s->name,
                    s->is_secret ? "(hidden)" : found, expected, needs_article ? "the " : "", from);
}

static err convert(loader *l, size_t index) {
    const setting *s = &SETTINGS[index];
    err e = config_form_convert(&s->form, l->values->values[index].text, (char *)l->cfg + s->offset);
    if (e == ERR_NO_MEMORY) return no_memory(l->why);
    return e == OK ? OK : refuse(l, index);
}

static err cut_cpus(loader *l) {
    int64_t wanted = l->cfg->machine_cpus, there = l->input->n_cpus;
    if (there < 1 || wanted <= there) return OK;
    l->cfg->machine_cpus = there;
    return warn(l,
                "MACHINE_CPUS is %" PRId64 ", but this process may use %" PRId64 " CPU%s; it starts with %" PRId64
                " worker%s",
                wanted, there, there == 1 ? "" : "s", there, there == 1 ? "" : "s");
}

/* On a Fly machine FLY_APP_NAME is always there; nobody expects anything of it. */
static bool is_ambient(const loader *l, const setting *s) {
    return strcmp(s->name, "FLY_APP_NAME") == 0 && *variable(l->input, "FLY_MACHINE_ID");
}

static bool has_no_effect(const setting *s) { return s->form.type == TYPE_IGNORED || s->is_unused; }

static err warn_ignored(loader *l) {
    char names[768] = "";
    size_t used = 0;
    for (size_t i = 0; i < N_SETTINGS && used < sizeof names; i++) {
        const setting *s = &SETTINGS[i];
        const value *v = &l->values->values[i];
        if (!has_no_effect(s) || v->source == SOURCE_DEFAULT || !is_given(v) || is_ambient(l, s)) continue;
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", used ? ", " : "", s->name);
    }
    return used ? warn(l, "set, but without effect in this version: %s", names) : OK;
}

/* ---- reports ---- */

size_t config_warning_count(const config *cfg) { return cfg->values->n_warnings; }

const char *config_warning(const config *cfg, size_t index) { return cfg->values->warnings[index]; }

size_t config_item_count(void) { return N_SETTINGS; }

void config_item_get(const config *cfg, size_t index, config_item *out) {
    const setting *s = &SETTINGS[index];
    *out = (config_item){.name = s->name,
                         .group = s->group,
                         .effect = s->effect,
                         .value = "",
                         .is_secret = s->is_secret,
                         .is_live = s->is_live,
                         .is_active = !has_no_effect(s)};
    out->default_text = s->described ? s->described : s->initial ? s->initial : "";
    config_form_describe(&s->form, out->expected, sizeof out->expected);
    if (!cfg) return;
    const value *v = &cfg->values->values[index];
    describe_source(cfg->values, v, out->source, sizeof out->source);
    out->is_set = v->source != SOURCE_DEFAULT && is_given(v);
    if (is_given(v)) out->value = s->is_secret ? "(hidden)" : v->text;
}

void config_log(const config *cfg) {
    for (size_t i = 0; i < N_SETTINGS; i++) {
        config_item item;
        config_item_get(cfg, i, &item);
        if (item.is_active)
            log_info("config", "%s = %s (%s): %s", item.name, *item.value ? item.value : "none", item.source,
                     item.effect);
    }
    for (size_t i = 0; i < cfg->values->n_warnings; i++) log_warn("config", "%s", cfg->values->warnings[i]);
}

/* ---- the machine's name ---- */

static err read_machine_id(const char *path, char out[MACHINE_ID_BYTES], diag *why) {
    FILE *file = fopen(path, "re");
    if (!file && errno == ENOENT) return ERR_NOT_FOUND;
    if (!file) return diag_set(why, ERR_IO, "%s: %s", path, strerror(errno));
    char text[MACHINE_ID_BYTES + 1]; /* a name and its newline */
    size_t bytes = fread(text, 1, sizeof text - 1, file);
    bool failed = ferror(file);
    fclose(file);
    if (failed) return diag_set(why, ERR_IO, "%s: cannot be read", path);
    text[bytes] = 0;
    text[strcspn(text, "\n")] = 0;
    if (!config_is_id(text))
        return diag_set(why, ERR_INVALID,
                        "%s: found no machine name; expected letters, digits and . _ -, at most 63 (delete the file "
                        "for a new name)",
                        path);
    memcpy(out, text, MACHINE_ID_BYTES);
    return OK;
}

static err random_machine_id(char out[MACHINE_ID_BYTES], diag *why) {
    unsigned char bytes[16];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return diag_set(why, ERR_IO, "the system gives no random bytes: %s", strerror(errno));
    for (size_t i = 0; i < sizeof bytes; i++) snprintf(out + 2 * i, 3, "%02x", bytes[i]);
    return OK;
}

/* Written aside and renamed, so that a crash leaves the whole name or none. */
static err write_machine_id(const char *path, const char *id, diag *why) {
    char aside[PATH_MAX + sizeof ".new"], text[MACHINE_ID_BYTES + 1];
    snprintf(aside, sizeof aside, "%s.new", path);
    int length = snprintf(text, sizeof text, "%s\n", id);
    int file = open(aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (file < 0) return diag_set(why, ERR_IO, "%s: %s", aside, strerror(errno));
    bool is_written = write(file, text, (size_t)length) == length && fsync(file) == 0;
    int reason = errno;
    close(file);
    if (is_written && rename(aside, path) == 0) return OK;
    if (is_written) reason = errno;
    unlink(aside);
    return diag_set(why, ERR_IO, "%s: %s", path, strerror(reason));
}

err config_machine_id(const config *cfg, const char *folder, char out[MACHINE_ID_BYTES], diag *why) {
    if (*cfg->machine_id) {
        snprintf(out, MACHINE_ID_BYTES, "%s", cfg->machine_id);
        return OK;
    }
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/machine_id", folder) >= (int)sizeof path)
        return diag_set(why, ERR_TOO_BIG, "%s: the path is too long", folder);
    err e = read_machine_id(path, out, why);
    if (e != ERR_NOT_FOUND) return e;
    e = random_machine_id(out, why);
    return e == OK ? write_machine_id(path, out, why) : e;
}
