#include "config_setting.h"
#include "base/nearest.h"
#include "market/symbol.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- defaults ---- */

static const char *variable(const config_input *input, const char *name) {
    size_t bytes = strlen(name);
    for (const char *const *at = input->environment; at && *at; at++) {
        if (strncmp(*at, name, bytes) == 0 && (*at)[bytes] == '=') return *at + bytes + 1;
    }
    return "";
}

static void derive_machine_id(const config_input *input, bool is_cloud, char *out, size_t bytes) {
    (void)is_cloud;
    snprintf(out, bytes, "%s", variable(input, "FLY_MACHINE_ID"));
}

static void derive_machine_region(const config_input *input, bool is_cloud, char *out, size_t bytes) {
    (void)is_cloud;
    const char *region = variable(input, "FLY_REGION");
    snprintf(out, bytes, "%s", *region ? region : "sin");
}

static void derive_host(const config_input *input, bool is_cloud, char *out, size_t bytes) {
    snprintf(out, bytes, "%s", is_cloud || *variable(input, "FLY_MACHINE_ID") ? "::" : "127.0.0.1");
}

/* On a machine of Fly's the load is known to be this program's alone. */
static void derive_scale_workers(const config_input *input, bool is_cloud, char *out, size_t bytes) {
    (void)is_cloud;
    snprintf(out, bytes, "%s", *variable(input, "FLY_MACHINE_ID") ? "on" : "off");
}

/* The XDG specification says that a relative path is to be ignored. */
static void derive_data_dir(const config_input *input, bool is_cloud, char *out, size_t bytes) {
    (void)is_cloud;
    const char *state = variable(input, "XDG_STATE_HOME"), *home = variable(input, "HOME");
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
static void derive_traders_dir(const config_input *input, bool is_cloud, char *out, size_t bytes) {
    (void)is_cloud;
    static const char here[] = "lua/traders";
    static const char *const beside[] = {"../share/trademind/lua/traders", "../../lua/traders"};
    snprintf(out, bytes, "%s", here);
    const char *slash = input->executable ? strrchr(input->executable, '/') : NULL;
    if (is_folder(here) || !slash) return;
    for (size_t i = 0; i < sizeof beside / sizeof *beside; i++) {
        char path[PATH_MAX], clean[PATH_MAX];
        int length =
            snprintf(path, sizeof path, "%.*s/%s", (int)(slash - input->executable), input->executable, beside[i]);
        if (length >= PATH_MAX || !is_folder(path) || !realpath(path, clean)) continue;
        snprintf(out, bytes, "%s", clean);
        return;
    }
}

/* ---- the table ---- */

static const char *const INCLUSIONS[] = {"exclude", "include", NULL};
static const char *const MARKETS[] = {"spot", "usdm", NULL};
static const char *const CPU_PLACEMENTS[] = {"any", "spread", NULL};
static const char *const OUTBOX_SYNCS[] = {"normal", "full", NULL};
static const char *const LATE_BARS_NAMES[] = {"evaluate", "skip", NULL};
static const char *const AI_PROVIDERS[] = {"gemini", "openai", NULL};
static const char *const AI_SIGNALS_NAMES[] = {"asked", "all", NULL};
static const char *const AI_THINKINGS[] = {"default", "off", "low", "medium", "high", NULL};
static const char *const NOTIFY_BODIES[] = {"full", "text", NULL};
static const char *const NOTIFY_SIGNALS_NAMES[] = {"all", "asked", NULL};
static const char *const SWITCHES[] = {"off", "on", NULL};
static const char *const LOG_LEVELS[] = {"debug", "info", "warn", "error", "off", NULL};
static const char *const LOG_FORMATS[] = {"auto", "human", "json", NULL};

#define FIELD(field) .offset = offsetof(config, field)
#define WHOLE(from, to) .form = {.type = TYPE_WHOLE, .min = (from), .max = (to)}
#define DECIMAL(from, to) .form = {.type = TYPE_DECIMAL, .min = (from), .max = (to)}
#define CHOICE(list) .form = {.type = TYPE_CHOICE, .choices = (list)}
#define OF_TYPE(name) .form = {.type = (name)}
#define OPTIONAL(name) .form = {.type = (name), .is_optional = true}
#define CLOUD .group = "Cloud", .is_cloud = true

/* clang-format off */
const config_setting CONFIG_SETTINGS[] = {
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
    {.name = "CONNECTIONS_PER_ADDRESS", .group = "Server", FIELD(connections_per_address), WHOLE(1, 10000), .initial = "32",
     .effect = "connections of one client's address at once (of an IPv6 network of 64 bits); this machine's own are not limited"},
    {.name = "REQUESTS_PER_MINUTE", .group = "Server", FIELD(requests_per_minute), WHOLE(0, 1000000), .initial = "6000",
     .effect = "HTTP requests of one client's address (of an IPv6 network of 64 bits), of this machine, too; up to a minute's worth at"
     " once. 0: no limit"},
    {.name = "METRICS_PORT", .group = "Server", FIELD(metrics_port), WHOLE(0, 65535), .initial = "9091",
     .effect = "port of /metrics for Prometheus, without a token; 0: any free one, told at start. Taken by another: none"},
    {.name = "AUTH_ORIGINS", .group = "Server", FIELD(auth_origins), OPTIONAL(TYPE_ORIGINS),
     .effect = "further web origins that may open the browser channel, e.g. https://app.example.com"},
    {.name = "AUTH_ISSUER", .group = "Server", FIELD(auth_issuer), OPTIONAL(TYPE_HTTP_URL),
     .described = "SUPABASE_URL/auth/v1", .effect = "who issues the tokens of users (their `iss`), where that is another address than the"
     " daemon's; cloud mode"},
    {.name = "AUTH_JWT_SECRET", .group = "Server", FIELD(auth_jwt_secret), OPTIONAL(TYPE_SECRET), .is_secret = true,
     .effect = "the project's legacy secret, with which HS256 tokens of users are checked; without it Supabase is asked for each;"
     " cloud mode"},

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
     .effect = "memory of the machine as its row tells it, MB; nothing is limited by it"},

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

    {.name = "NOTIFY_WEBHOOK_URL", .group = "Notifications", FIELD(notify_webhook_url), OPTIONAL(TYPE_SECRET_URL), .is_secret = true,
     .effect = "signals are posted to this address; Slack and Mattermost take them as they are"},
    {.name = "NOTIFY_WEBHOOK_SECRET", .group = "Notifications", FIELD(notify_webhook_secret), OPTIONAL(TYPE_SECRET), .is_secret = true,
     .effect = "signs what is posted, as standardwebhooks.com has it: whsec_ and a key of 16 to 128 bytes in Base64"},
    {.name = "NOTIFY_WEBHOOK_BODY", .group = "Notifications", FIELD(notify_webhook_body), CHOICE(NOTIFY_BODIES), .initial = "full",
     .effect = "full: an object with the signal and the message; text: the message alone, for receivers of TradingView's alerts"},
    {.name = "NOTIFY_WEBHOOK_PER_MINUTE", .group = "Notifications", FIELD(notify_webhook_per_minute), WHOLE(0, 100000), .initial = "600",
     .effect = "requests to the webhook in a minute, at most; 0: no limit"},
    {.name = "NOTIFY_TELEGRAM_TOKEN", .group = "Notifications", FIELD(notify_telegram_token), OPTIONAL(TYPE_SECRET), .is_secret = true,
     .effect = "token of the bot that sends signals to a chat of Telegram"},
    {.name = "NOTIFY_TELEGRAM_CHAT", .group = "Notifications", FIELD(notify_telegram_chat), OPTIONAL(TYPE_CHAT),
     .effect = "that chat; needed with NOTIFY_TELEGRAM_TOKEN"},
    {.name = "NOTIFY_TELEGRAM_URL", .group = "Notifications", FIELD(notify_telegram_url), OF_TYPE(TYPE_HTTP_URL),
     .initial = "https://api.telegram.org", .effect = "where Telegram's Bot API is"},
    {.name = "NOTIFY_TELEGRAM_PER_MINUTE", .group = "Notifications", FIELD(notify_telegram_per_minute), WHOLE(0, 100000), .initial = "20",
     .effect = "messages to the chat in a minute, at most (Telegram takes 20 in a group); 0: no limit"},
    {.name = "NOTIFY_DISCORD_URL", .group = "Notifications", FIELD(notify_discord_url), OPTIONAL(TYPE_SECRET_URL), .is_secret = true,
     .effect = "webhook of a channel of Discord that signals are sent to"},
    {.name = "NOTIFY_DISCORD_PER_MINUTE", .group = "Notifications", FIELD(notify_discord_per_minute), WHOLE(0, 100000), .initial = "30",
     .effect = "messages to the channel in a minute, at most (Discord takes 30); 0: no limit"},
    {.name = "NOTIFY_SIGNALS", .group = "Notifications", FIELD(notify_signals), CHOICE(NOTIFY_SIGNALS_NAMES), .initial = "all",
     .effect = "all: signals of all traders but those that say notify = false; asked: of traders that have a notify"},
    {.name = "NOTIFY_MESSAGE", .group = "Notifications", FIELD(notify_message), OPTIONAL(TYPE_TEXT),
     .described = "{{headline}} and {{conditions}}",
     .effect = "what is said of a signal when its trader has no words of its own: {{symbol}} at {{close}}, RSI {{plot(\"RSI\")}}"},
    {.name = "NOTIFY_MAX_AGE_MIN", .group = "Notifications", FIELD(notify_max_age_min), WHOLE(0, 100000), .initial = "1440",
     .effect = "nobody is told any more of a signal whose bar closed longer ago, minutes of market time; 0: of all"},
    {.name = "HEARTBEAT_URL", .group = "Notifications", FIELD(heartbeat_url), OPTIONAL(TYPE_SECRET_URL), .is_secret = true,
     .effect = "address that is called while all is well, so that somebody else notices when it is not"},
    {.name = "HEARTBEAT_INTERVAL_S", .group = "Notifications", FIELD(heartbeat_interval_s), WHOLE(1, 86400), .initial = "60",
     .effect = "how often it is called, seconds"},

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

    {.name = "SCALE_WORKERS", .group = "Scaling", FIELD(scale_workers), CHOICE(SWITCHES), .derive = derive_scale_workers,
     .described = "on when FLY_MACHINE_ID is set, else off",
     .effect = "on: as many screener workers as the load asks for, up to the CPUs there are; off: MACHINE_CPUS, until told otherwise"},
    {.name = "SCALE_MACHINE", .group = "Scaling", FIELD(scale_machine), CHOICE(SWITCHES), .initial = "off",
     .effect = "on: the machine asks Fly for another size when the load wants it, which is a restart of some 40 s"},
    {.name = "SCALE_MIN_CPUS", .group = "Scaling", FIELD(scale_min_cpus), WHOLE(1, MAX_WORKERS), .initial = "1",
     .effect = "least CPUs of the machine; sizes are 1, 2, 4 and 8"},
    {.name = "SCALE_MAX_CPUS", .group = "Scaling", FIELD(scale_max_cpus), WHOLE(1, MAX_WORKERS), .initial = "8",
     .effect = "most CPUs of the machine that policy asks for"},
    {.name = "SCALE_MONTHLY_USD", .group = "Scaling", FIELD(scale_month_usd), OF_TYPE(TYPE_AMOUNT), .initial = "0",
     .effect = "most that the machine may cost in a calendar month, CPUs and memory; 0: no ceiling"},
    {.name = "SCALE_MAX_A_DAY", .group = "Scaling", FIELD(scale_max_a_day), WHOLE(0, 24), .initial = "4",
     .effect = "most changes of the machine in a day (UTC), failed ones included"},
    {.name = "SCALE_COOLDOWN_S", .group = "Scaling", FIELD(scale_cooldown_s), WHOLE(1, 86400), .initial = "300",
     .effect = "least time between two changes, s"},
    {.name = "SCALE_DOWN_AFTER", .group = "Scaling", FIELD(scale_down_after_h), WHOLE(1, 168), .initial = "24",
     .effect = "hours in which less would have been enough before the machine becomes smaller"},
    {.name = "SCALE_HOLD", .group = "Scaling", FIELD(scale_hold_h), WHOLE(0, 720), .initial = "24",
     .effect = "hours for which a size that was chosen by hand (flyctl scale vm) is not lowered"},
    {.name = "SCALE_LAG_MS", .group = "Scaling", FIELD(scale_lag_ms), WHOLE(10, 60000), .initial = "1500",
     .effect = "what an evaluation may take on the mean before more CPUs are wanted, ms"},
    {.name = "SCALE_SAMPLE_MS", .group = "Scaling", FIELD(scale_sample_ms), WHOLE(100, 600000), .initial = "60000",
     .effect = "how often the load is measured and decided on, ms"},
    {.name = "FLY_APP_NAME", .group = "Scaling", FIELD(fly_app_name), OPTIONAL(TYPE_ID),
     .effect = "the app that this machine is of; Fly sets it"},
    {.name = "FLY_MACHINE_ID", .group = "Scaling", FIELD(fly_machine_id), OPTIONAL(TYPE_ID),
     .effect = "this machine at Fly; Fly sets it"},
    {.name = "FLY_API_TOKEN", .group = "Scaling", FIELD(fly_api_token), OPTIONAL(TYPE_TOKEN), .is_secret = true,
     .effect = "token of the Machines API; without it the machine's own socket is asked, which needs none"},
    {.name = "FLY_API_URL", .group = "Scaling", FIELD(fly_api_url), OPTIONAL(TYPE_HTTP_URL),
     .effect = "where the Machines API is, instead of https://api.machines.dev with a token and the socket without"},
    {.name = "FLY_API_SOCKET", .group = "Scaling", FIELD(fly_api_socket), OPTIONAL(TYPE_PATH), .initial = "/.fly/api",
     .effect = "the machine's own socket to the Machines API"},
    {.name = "FLY_VCPU_MONTH_USD", .group = "Scaling", FIELD(fly_vcpu_month_usd), OF_TYPE(TYPE_AMOUNT), .initial = "0.695",
     .effect = "price of one shared vCPU for a month of 730 hours"},
    {.name = "FLY_GB_MONTH_USD", .group = "Scaling", FIELD(fly_gb_month_usd), OF_TYPE(TYPE_AMOUNT), .initial = "5",
     .effect = "price of a GB of memory for a month of 730 hours"},

    {.name = "FLY_ORG", .group = "Provisioning", FIELD(fly_org), OF_TYPE(TYPE_ID), .initial = "personal",
     .effect = "the organisation at Fly that apps are made in"},
    {.name = "PROVISION_IMAGE", .group = "Provisioning", FIELD(provision_image), OPTIONAL(TYPE_IMAGE),
     .effect = "image of the machines that `provision` makes"},
    {.name = "PROVISION_REGIONS", .group = "Provisioning", FIELD(provision_regions), OF_TYPE(TYPE_CODES), .initial = "sin,iad,fra",
     .effect = "regions of Fly that machines may be made in"},
    {.name = "PROVISION_HEALTH_S", .group = "Provisioning", FIELD(provision_health_s), WHOLE(1, 3600), .initial = "240",
     .effect = "time within which a machine must say that it is well, s; else what was made is taken back"},
    {.name = "PROVISION_PROXY_URL", .group = "Provisioning", FIELD(provision_proxy_url), OPTIONAL(TYPE_HTTP_URL),
     .effect = "where machines are asked for their health, instead of https://APP.fly.dev: the app's name is put behind it"},

};
/* clang-format on */

enum { N_SETTINGS = sizeof CONFIG_SETTINGS / sizeof *CONFIG_SETTINGS };
const size_t N_CONFIG_SETTINGS = N_SETTINGS;

/* ---- names ---- */

/* A mistyped name is worth a word only where it can hardly be meant for another program. */
static const char *const OWN_PREFIXES[] = {"SCRIPT_", "KLINE_", "BINANCE_", "AI_",       "SCALE_",
                                           "AUTH_",   "LOG_",   "NOTIFY_",  "HEARTBEAT_"};

const config_setting *config_setting_find(const char *name) {
    for (size_t i = 0; i < N_SETTINGS; i++) {
        if (strcmp(CONFIG_SETTINGS[i].name, name) == 0) return &CONFIG_SETTINGS[i];
    }
    return NULL;
}

static bool has_own_prefix(const char *name) {
    for (size_t i = 0; i < sizeof OWN_PREFIXES / sizeof *OWN_PREFIXES; i++) {
        if (strncmp(name, OWN_PREFIXES[i], strlen(OWN_PREFIXES[i])) == 0) return true;
    }
    return false;
}

const char *config_setting_suggest(const char *name, bool own_prefixes_only) {
    const char *names[N_SETTINGS + 1];
    size_t count = 0;
    for (size_t i = 0; i < N_SETTINGS; i++) {
        if (!own_prefixes_only || has_own_prefix(CONFIG_SETTINGS[i].name)) names[count++] = CONFIG_SETTINGS[i].name;
    }
    names[count] = NULL;
    return nearest_name(name, names);
}
