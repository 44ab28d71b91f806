/* The configuration: defaults, every bound, precedence, the grammar of .env, and each message as a person reads it. */
#include "config.h"
#include "orchestrator_machine.h"
#include "spec/c/tap.h"
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BASE_ENVIRONMENT "HOME=/home/ann"

static char folder[] = "/tmp/config_test_XXXXXX";
static char dotenv[64];

typedef struct attempt {
    config cfg;
    diag why;
    err result;
} attempt;

/* Up to four environment variables and one assignment; NULL for none. */
static void load_with(attempt *a, const char *const *environment, const char *assignment, bool reads_dotenv) {
    static const char *assignments[2]; /* config_read_key looks at them again */
    assignments[0] = assignment;
    config_input input = {.environment = environment,
                          .dotenv_path = reads_dotenv ? dotenv : NULL,
                          .assignments = assignments,
                          .n_cpus = 8};
    *a = (attempt){.result = OK};
    a->result = config_load(&input, &a->cfg, &a->why);
}

static void load(attempt *a, const char *variable) {
    const char *environment[] = {BASE_ENVIRONMENT, variable, NULL};
    load_with(a, environment, NULL, false);
}

static void write_dotenv(const char *text, size_t bytes) {
    FILE *file = fopen(dotenv, "w");
    if (!file || fwrite(text, 1, bytes, file) != bytes || fclose(file) != 0) abort();
}

static void put_dotenv(const char *text) { write_dotenv(text, strlen(text)); }

static void load_dotenv(attempt *a, const char *text) {
    const char *environment[] = {BASE_ENVIRONMENT, NULL};
    write_dotenv(text, strlen(text));
    load_with(a, environment, NULL, true);
}

static bool says(const attempt *a, err code, const char *sentence) {
    bool is_same = a->result == code && strcmp(a->why.text, sentence) == 0;
    if (!is_same) printf("# got %d \"%s\", expected %d \"%s\"\n", a->result, a->why.text, code, sentence);
    return is_same;
}

static const config_item *item_of(const config *cfg, const char *name) {
    static config_item item;
    for (size_t i = 0; i < config_item_count(); i++) {
        config_item_get(cfg, i, &item);
        if (strcmp(item.name, name) == 0) return &item;
    }
    abort();
}

static void test_defaults(void) {
    attempt a;
    load(&a, NULL);
    const config *c = &a.cfg;
    ok(a.result == OK && config_warning_count(c) == 0, "an empty environment is enough, without a warning");
    ok(strcmp(c->machine_id, "") == 0 && strcmp(c->machine_region, "sin") == 0 && c->machine_cpus == 1 &&
           c->machine_memory_mb == 256,
       "machine: id to be generated, sin, 1 CPU, 256 MB");
    ok(c->kline_interval == INTERVAL_5M && c->screening_interval_ms == 60000 && c->symbol_count == 100 &&
           c->symbols.count == 0 && strcmp(c->quote_asset, "USDT") == 0 && c->market == MARKET_SPOT &&
           c->kline_history == 1000 && c->late_bars == LATE_BARS_EVALUATE,
       "market: 5m, 60000 ms, 100 symbols in USDT, spot, 1000 bars, late bars evaluated");
    ok(strcmp(c->host, "127.0.0.1") == 0 && c->port == 8080 && c->auth_origins.count == 0, "server: 127.0.0.1:8080");
    ok(strcmp(c->data_dir, "/home/ann/.local/state/trademind") == 0 && c->outbox_sync == OUTBOX_SYNC_NORMAL,
       "storage: under the home folder, normal");
    ok(c->binance_ws_urls.count == 0 && c->binance_rest_urls.count == 0, "the market's own addresses");
    ok(c->script_cpu_ms == 20 && c->script_load_cpu_ms == 500 && c->script_memory_mb == 64 &&
           c->script_max_errors == 5 && c->script_max_kills == 200 && c->max_signals_per_trader_hour == 500,
       "scripts: 20, 500, 64, 5, 200, 500");
    ok(c->log_level == LOG_INFO && c->log_format == LOG_AUTO, "log: info, auto");
    config_deinit(&a.cfg);
}

static void test_derived_defaults(void) {
    attempt a;
    const char *on_fly[] = {BASE_ENVIRONMENT, "FLY_MACHINE_ID=148e", "FLY_REGION=fra", "FLY_APP_NAME=app", NULL};
    load_with(&a, on_fly, NULL, false);
    ok(a.result == OK && strcmp(a.cfg.host, "::") == 0 && strcmp(a.cfg.machine_id, "148e") == 0 &&
           strcmp(a.cfg.machine_region, "fra") == 0,
       "on Fly: host ::, Fly's id and region");
    ok(config_warning_count(&a.cfg) == 0, "what Fly itself sets is no reason for a warning");
    config_deinit(&a.cfg);
    const char *state[] = {BASE_ENVIRONMENT, "XDG_STATE_HOME=/var/state", NULL};
    load_with(&a, state, NULL, false);
    ok(strcmp(a.cfg.data_dir, "/var/state/trademind") == 0, "XDG_STATE_HOME decides");
    config_deinit(&a.cfg);
    const char *relative[] = {BASE_ENVIRONMENT, "XDG_STATE_HOME=state", NULL};
    load_with(&a, relative, NULL, false);
    ok(strcmp(a.cfg.data_dir, "/home/ann/.local/state/trademind") == 0, "a relative XDG_STATE_HOME is ignored");
    config_deinit(&a.cfg);
    const char *homeless[] = {NULL};
    load_with(&a, homeless, NULL, false);
    ok(says(&a, ERR_INVALID,
            "DATA_DIR has no value and no default here ($XDG_STATE_HOME/trademind, else ~/.local/state/trademind); "
            "expected a path (~ is not expanded)"),
       "without a home folder DATA_DIR must be named");
}

/* Both ends of a whole number's range are good, one past either end is not. */
static void test_bounds(const char *name, int64_t low, int64_t high, size_t offset) {
    const int64_t tried[] = {low, high, high + 1, low - 1};
    for (size_t i = 0; i < 4; i++) {
        if (tried[i] < 0) continue;
        char variable[96];
        attempt a;
        snprintf(variable, sizeof variable, "%s=%" PRId64, name, tried[i]);
        load(&a, variable);
        bool is_inside = i < 2;
        ok(is_inside ? a.result == OK && *(int64_t *)((char *)&a.cfg + offset) == tried[i] : a.result == ERR_INVALID,
           "%s is %s", variable, is_inside ? "accepted" : "refused");
        config_deinit(&a.cfg);
    }
}

static void test_all_bounds(void) {
    test_bounds("MACHINE_CPUS", 1, 8, offsetof(config, machine_cpus));
    test_bounds("MACHINE_MEMORY", 64, 1048576, offsetof(config, machine_memory_mb));
    test_bounds("SCREENING_INTERVAL_MS", 100, 3600000, offsetof(config, screening_interval_ms));
    test_bounds("SYMBOL_COUNT", 1, 8192, offsetof(config, symbol_count));
    test_bounds("KLINE_HISTORY", 300, 20000, offsetof(config, kline_history));
    test_bounds("PORT", 0, 65535, offsetof(config, port));
    test_bounds("SCRIPT_CPU_MS", 1, 10000, offsetof(config, script_cpu_ms));
    test_bounds("SCRIPT_LOAD_CPU_MS", 10, 60000, offsetof(config, script_load_cpu_ms));
    test_bounds("SCRIPT_MEMORY_MB", 8, 1024, offsetof(config, script_memory_mb));
    test_bounds("SCRIPT_MAX_ERRORS", 1, 1000, offsetof(config, script_max_errors));
    test_bounds("SCRIPT_MAX_KILLS", 1, 1000000, offsetof(config, script_max_kills));
    test_bounds("SYNC_INTERVAL_MS", 100, 3600000, offsetof(config, sync_interval_ms));
    test_bounds("OUTBOX_RESERVE_MB", 1, 1048576, offsetof(config, outbox_reserve_mb));
    test_bounds("MAX_SIGNALS_PER_TRADER_HOUR", 1, 1000000, offsetof(config, max_signals_per_trader_hour));
}

static void refuses(const char *variable, const char *sentence) {
    attempt a;
    load(&a, variable);
    ok(says(&a, ERR_INVALID, sentence), "%s", sentence);
    config_deinit(&a.cfg);
}

static void test_messages(void) {
    refuses("PORT=eighty", "PORT is \"eighty\"; expected a whole number from 0 to 65535 (from the environment)");
    refuses("PORT=-1", "PORT is \"-1\"; expected a whole number from 0 to 65535 (from the environment)");
    refuses("PORT=80.0", "PORT is \"80.0\"; expected a whole number from 0 to 65535 (from the environment)");
    refuses("PORT= 80", "PORT is \" 80\"; expected a whole number from 0 to 65535 (from the environment)");
    refuses("PORT=99999999999999999999",
            "PORT is \"99999999999999999999\"; expected a whole number from 0 to 65535 (from the environment)");
    refuses("MARKET=futures", "MARKET is \"futures\"; expected spot or usdm (from the environment)");
    refuses("OUTBOX_SYNC=off", "OUTBOX_SYNC is \"off\"; expected normal or full (from the environment)");
    refuses("LATE_BARS=Skip", "LATE_BARS is \"Skip\"; expected evaluate or skip (from the environment)");
    refuses("LOG_LEVEL=trace",
            "LOG_LEVEL is \"trace\"; expected debug, info, warn, error or off (from the environment)");
    refuses("LOG_FORMAT=xml", "LOG_FORMAT is \"xml\"; expected auto, human or json (from the environment)");
    refuses("KLINE_INTERVAL=1M ",
            "KLINE_INTERVAL is \"1M \"; expected one of 1s 1m 3m 5m 15m 30m 1h 2h 4h 6h 8h 12h 1d "
            "3d 1w 1M (from the environment)");
    refuses("HOST=a b", "HOST is \"a b\"; expected a numeric address or a host name (from the environment)");
    refuses("DATA_DIR=~/x", "DATA_DIR is \"~/x\"; expected a path (~ is not expanded) (from the environment)");
    refuses("QUOTE_ASSET=US DT",
            "QUOTE_ASSET is \"US DT\"; expected the name of an asset, such as USDT (from the environment)");
    refuses("SYMBOLS=BTCUSDT,,ETHUSDT", "SYMBOLS is \"BTCUSDT,,ETHUSDT\"; expected symbols with commas between them, "
                                        "such as BTCUSDT,ETHUSDT (from the environment)");
    refuses("MACHINE_ID=a/b",
            "MACHINE_ID is \"a/b\"; expected letters, digits and . _ -, at most 63 (from the environment)");
    refuses("MACHINE_ID=a\n\033[2J",
            "MACHINE_ID is \"a??[2J\"; expected letters, digits and . _ -, at most 63 (from the environment)");
    refuses("BINANCE_WS_URL=https://x",
            "BINANCE_WS_URL is \"https://x\"; expected up to 8 of ws(s)://HOST[:PORT][/PATH], "
            "with commas between several (from the environment)");
    refuses("BINANCE_WS_URL=ws://a,", "BINANCE_WS_URL is \"ws://a,\"; expected up to 8 of ws(s)://HOST[:PORT][/PATH], "
                                      "with commas between several (from the environment)");
    refuses("BINANCE_WS_URL=ws://a b",
            "BINANCE_WS_URL is \"ws://a b\"; expected up to 8 of ws(s)://HOST[:PORT][/PATH], "
            "with commas between several (from the environment)");
    refuses("BINANCE_REST_URL=http://a,b",
            "BINANCE_REST_URL is \"http://a,b\"; expected up to 8 of http(s)://HOST[:PORT][/PATH], with commas between "
            "several (from the environment)");
    refuses("BINANCE_REST_URL=http://1,http://2,http://3,http://4,http://5,http://6,http://7,http://8,http://9",
            "BINANCE_REST_URL is \"http://1,http://2,http://3,http://4,http://5,http://6,http://7,http://8,http...\"; "
            "expected up to 8 of http(s)://HOST[:PORT][/PATH], with commas between several (from the environment)");
    refuses("AUTH_ORIGINS=https://a.example/path",
            "AUTH_ORIGINS is \"https://a.example/path\"; expected http(s)://HOST[:PORT], with commas between several "
            "(from the environment)");
}

static void test_urls(void) {
    static const char *const bad[] = {
        "http://",      "http://user:pw@host", "http://h:0",   "http://h:65536", "http://h:",    "http://h?a=b",
        "http://h#a",   "http://[::1",         "http://[]:80", "ftp://h",        "http://h:80x", "http//h",
        "http://h/a b", "http://[zz]"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char variable[96];
        attempt a;
        snprintf(variable, sizeof variable, "BINANCE_REST_URL=%s", bad[i]);
        load(&a, variable);
        ok(a.result == ERR_INVALID, "%s is refused", variable);
        config_deinit(&a.cfg);
    }
    static const char *const good[] = {"http://127.0.0.1:9001", "https://h", "http://[::1]:80",
                                       "https://h.example/api/x-y"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        char variable[96];
        attempt a;
        snprintf(variable, sizeof variable, "BINANCE_REST_URL=%s//", good[i]);
        load(&a, variable);
        ok(a.result == OK && a.cfg.binance_rest_urls.count == 1 &&
               strcmp(a.cfg.binance_rest_urls.items[0], good[i]) == 0,
           "%s: accepted, without the last slashes", variable);
        config_deinit(&a.cfg);
    }
}

static void test_lists(void) {
    attempt a;
    load(&a, "BINANCE_WS_URL=ws://a:1/x/ , wss://b");
    ok(a.result == OK && a.cfg.binance_ws_urls.count == 2 &&
           strcmp(a.cfg.binance_ws_urls.items[0], "ws://a:1/x") == 0 &&
           strcmp(a.cfg.binance_ws_urls.items[1], "wss://b") == 0,
       "stream hosts in their order, without the last slashes");
    config_deinit(&a.cfg);
    load(&a, "BINANCE_REST_URL=http://a:1/ , https://b/x");
    ok(a.result == OK && a.cfg.binance_rest_urls.count == 2 &&
           strcmp(a.cfg.binance_rest_urls.items[0], "http://a:1") == 0 &&
           strcmp(a.cfg.binance_rest_urls.items[1], "https://b/x") == 0,
       "hosts in their order, without the last slashes");
    config_deinit(&a.cfg);
    load(&a, "MARKET=usdm");
    ok(a.result == OK && a.cfg.market == MARKET_USDM, "the other market");
    config_deinit(&a.cfg);
    load(&a, "SYMBOLS= btcusdt ,ETHUSDT,BTCUSDT,\xE5\xB8\x81\xE5\xAE\x89USDT");
    ok(a.result == OK && a.cfg.symbols.count == 3 && strcmp(a.cfg.symbols.items[0], "BTCUSDT") == 0 &&
           strcmp(a.cfg.symbols.items[1], "ETHUSDT") == 0 &&
           strcmp(a.cfg.symbols.items[2], "\xE5\xB8\x81\xE5\xAE\x89USDT") == 0,
       "symbols: upper case, trimmed, each once, beyond ASCII too");
    config_deinit(&a.cfg);
    load(&a, "AUTH_ORIGINS=https://a.example, http://localhost:3000");
    ok(a.result == OK && a.cfg.auth_origins.count == 2 &&
           strcmp(a.cfg.auth_origins.items[1], "http://localhost:3000") == 0,
       "two origins");
    config_deinit(&a.cfg);
}

static void test_precedence(void) {
    attempt a;
    const char *environment[] = {BASE_ENVIRONMENT, "PORT=2000", "KLINE_HISTORY=", NULL};
    const char *text = "PORT=1000\nKLINE_HISTORY=400\nSYMBOL_COUNT=7\nLOG_LEVEL=warn\n";
    write_dotenv(text, strlen(text));
    load_with(&a, environment, "LOG_LEVEL=error", true);
    ok(a.result == OK && a.cfg.port == 2000, "the environment wins over .env");
    ok(a.cfg.kline_history == 1000, "an empty value in the environment means the default, and wins over .env");
    ok(a.cfg.symbol_count == 7, ".env wins over the default");
    ok(a.cfg.log_level == LOG_ERROR, "the command line wins over all");
    char third[96];
    snprintf(third, sizeof third, "%s:3", dotenv);
    ok(strcmp(item_of(&a.cfg, "SYMBOL_COUNT")->source, third) == 0, "the source names the line of .env");
    ok(strcmp(item_of(&a.cfg, "PORT")->source, "environment") == 0 &&
           strcmp(item_of(&a.cfg, "LOG_LEVEL")->source, "command line") == 0 &&
           strcmp(item_of(&a.cfg, "HOST")->source, "default") == 0 &&
           strcmp(item_of(&a.cfg, "KLINE_HISTORY")->source, "default") == 0,
       "the other sources are named");
    config_deinit(&a.cfg);
    load_with(&a, environment, "PORT=0", true);
    ok(a.result == OK && a.cfg.port == 0, "a .env is no obstacle to the command line");
    config_deinit(&a.cfg);
    const char *bad_below = "PORT=eighty\n";
    write_dotenv(bad_below, strlen(bad_below));
    load_with(&a, environment, NULL, true);
    ok(a.result == OK && a.cfg.port == 2000, "a bad value that is overridden does no harm");
    config_deinit(&a.cfg);
}

static void reads(const char *line, const char *expected) {
    char text[256];
    attempt a;
    snprintf(text, sizeof text, "%s\n", line);
    load_dotenv(&a, text);
    bool is_same = a.result == OK && strcmp(a.cfg.traders_dir, expected) == 0;
    if (!is_same) printf("# got %d %s\n", a.result, a.result == OK ? a.cfg.traders_dir : a.why.text);
    ok(is_same, ".env gives %s for %.*s", expected, (int)strcspn(line, "\r\n"), line);
    config_deinit(&a.cfg);
}

static void breaks(const char *text, const char *found) {
    char expected[256];
    attempt a;
    load_dotenv(&a, text);
    snprintf(expected, sizeof expected, "%s:%s", dotenv, found);
    ok(says(&a, ERR_SYNTAX, expected), ".env: %s", found);
    config_deinit(&a.cfg);
}

static void test_dotenv(void) {
    reads("TRADERS_DIR=/a/b", "/a/b");
    reads("export TRADERS_DIR=/a/b", "/a/b");
    reads("  export\tTRADERS_DIR = /a/b  # comment", "/a/b");
    reads("TRADERS_DIR=/a b/c\r", "/a b/c");
    reads("TRADERS_DIR=/a#b", "/a#b");
    reads("TRADERS_DIR='/a #\\n$x'", "/a #\\n$x");
    reads("TRADERS_DIR=\"/a # \\\"q\\\" \\\\ \\$\"  # comment", "/a # \"q\" \\ $");
    reads("TRADERS_DIR=/a=b", "/a=b");
    reads("\xEF\xBB\xBFTRADERS_DIR=/a", "/a");
    reads("TRADERS_DIR=/a\nTRADERS_DIR=/b", "/b");
    reads("# TRADERS_DIR=/no\n\n   \nTRADERS_DIR=/a\n#end", "/a");
    reads("TRADERS_DIR=/a\nexported=1\nOTHER_PROGRAM=x", "/a");
    breaks("PORT=1\nPORT 80\n", "2: found no \"=\" on the line; expected NAME=value");
    breaks("=80\n", "1: found no name before the \"=\"; expected NAME=value, the name of letters, digits and _");
    breaks("1A=80\n", "1: found no name before the \"=\"; expected NAME=value, the name of letters, digits and _");
    breaks("A-B=80\n", "1: found no name before the \"=\"; expected NAME=value, the name of letters, digits and _");
    breaks("A='x\n", "1: found a quote that is not closed; expected its end on the same line");
    breaks("A=\"x\\\"\n", "1: found a quote that is not closed; expected its end on the same line");
    breaks("A='x' y\n", "1: found text behind the closing quote; expected the end of the line or a # comment");
    breaks("A=\"\\q\"\n",
           "1: found an unknown escape; expected \\n, \\r, \\t, \\\", \\\\ or \\$ between double quotes");
    attempt a;
    char expected[256];
    load_dotenv(&a, "\n\nPORT=eighty\n");
    snprintf(expected, sizeof expected, "PORT is \"eighty\"; expected a whole number from 0 to 65535 (from %s:3)",
             dotenv);
    ok(says(&a, ERR_INVALID, expected), "a bad value in .env names its line");
    load_dotenv(&a, "GEMINI_API_KEY sk-very-secret\n");
    ok(a.result == ERR_SYNTAX && !strstr(a.why.text, "secret"), "a bad line is not repeated: it may hold a secret");
    const char zero[] = "PORT=80\0\nA=b\n";
    const char *environment[] = {BASE_ENVIRONMENT, NULL};
    write_dotenv(zero, sizeof zero - 1);
    load_with(&a, environment, NULL, true);
    ok(a.result == ERR_SYNTAX && strstr(a.why.text, ":1: found a zero byte; expected text"), "a zero byte is refused");
    unlink(dotenv);
    load_with(&a, environment, NULL, true);
    ok(a.result == OK, "a missing .env is fine");
    config_deinit(&a.cfg);
    mkdir(dotenv, 0700);
    load_with(&a, environment, NULL, true);
    ok(a.result == ERR_IO && strstr(a.why.text, dotenv), "a .env that cannot be read is an error: %s", a.why.text);
    config_deinit(&a.cfg);
    rmdir(dotenv);
}

static void test_command_line(void) {
    attempt a;
    const char *environment[] = {BASE_ENVIRONMENT, NULL};
    load_with(&a, environment, "PORT=x", false);
    ok(says(&a, ERR_INVALID, "PORT is \"x\"; expected a whole number from 0 to 65535 (from the command line)"),
       "a bad value of the command line");
    load_with(&a, environment, "PORT", false);
    ok(says(&a, ERR_INVALID, "--set \"PORT\": found no \"=\"; expected NAME=value"), "an assignment without a value");
    load_with(&a, environment, "PROT=1", false);
    ok(says(&a, ERR_NOT_FOUND, "--set PROT: there is no such setting; did you mean PORT?"), "a mistyped name");
    load_with(&a, environment, "COLOUR=1", false);
    ok(says(&a, ERR_NOT_FOUND, "--set COLOUR: there is no such setting; trademind help config lists them"),
       "a name that is near to none");
}

static void warns(const char *variable, const char *sentence) {
    attempt a;
    load(&a, variable);
    size_t expected = sentence ? 1 : 0;
    bool is_same = a.result == OK && config_warning_count(&a.cfg) == expected;
    if (is_same && sentence) is_same = strcmp(config_warning(&a.cfg, 0), sentence) == 0;
    if (!is_same && a.result == OK && config_warning_count(&a.cfg)) printf("# got %s\n", config_warning(&a.cfg, 0));
    ok(is_same, "%s: %s", variable, sentence ? sentence : "no warning");
    config_deinit(&a.cfg);
}

static void test_warnings(void) {
    warns("SCRIPT_CPU_M=5", "SCRIPT_CPU_M is not a setting (environment); did you mean SCRIPT_CPU_MS?");
    warns("KLINE_HISTROY=500", "KLINE_HISTROY is not a setting (environment); did you mean KLINE_HISTORY?");
    warns("BINANCE_WSS_URL=x", "BINANCE_WSS_URL is not a setting (environment); did you mean BINANCE_WS_URL?");
    warns("LOGLEVEL=info", "LOGLEVEL is not a setting (environment); did you mean LOG_LEVEL?");
    warns("AUTH_ORIGIN=x", "AUTH_ORIGIN is not a setting (environment); did you mean AUTH_ORIGINS?");
    warns("HOSTS=x", NULL);
    warns("SCRIPT_DEBUGGER_PATH=x", NULL);
    warns("MACHINE_MEMORY=512", NULL);
    warns("NOTIFY_WEBHOK_URL=http://x",
          "NOTIFY_WEBHOK_URL is not a setting (environment); did you mean NOTIFY_WEBHOOK_URL?");
    warns("SCALE_MAX_CPU=4", "SCALE_MAX_CPU is not a setting (environment); did you mean SCALE_MAX_CPUS?");
    warns("GEMINI_API_KEY=", NULL);
    attempt a;
    const char *environment[] = {BASE_ENVIRONMENT, "GEMINI_API_KEY=sk-1", "HEARTBEAT_URL=http://x/secret", NULL};
    load_with(&a, environment, NULL, false);
    ok(strcmp(item_of(&a.cfg, "HEARTBEAT_URL")->value, "(hidden)") == 0, "so is an address that is a secret");
    const config_item *key = item_of(&a.cfg, "GEMINI_API_KEY");
    ok(key->is_secret && key->is_set && strcmp(key->value, "(hidden)") == 0, "a secret's value is hidden");
    config_deinit(&a.cfg);
    load_dotenv(&a, "HSOT=x\n");
    char expected[160];
    snprintf(expected, sizeof expected, "HSOT is not a setting (%s:1); did you mean HOST?", dotenv);
    ok(a.result == OK && config_warning_count(&a.cfg) == 1 && strcmp(config_warning(&a.cfg, 0), expected) == 0,
       "in .env every near miss is worth a word");
    config_deinit(&a.cfg);
}

static void test_cpus(void) {
    const char *environment[] = {BASE_ENVIRONMENT, "MACHINE_CPUS=4", NULL};
    config_input input = {.environment = environment, .n_cpus = 2};
    config cfg;
    diag why;
    err e = config_load(&input, &cfg, &why);
    ok(e == OK && cfg.machine_cpus == 2 && config_warning_count(&cfg) == 1 &&
           strcmp(config_warning(&cfg, 0),
                  "MACHINE_CPUS is 4, but this process may use 2 CPUs; it starts with 2 workers") == 0,
       "never more workers than CPUs, and it says so");
    config_deinit(&cfg);
}

/* {"role":"anon"} in the middle */
#define ANON_KEY "eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoiYW5vbiJ9.c2ln"
#define CLOUD_USER "USER_ID=6d8f2f0c-3f0e-5b7a-9c55-7a1c1f0e9b42"

static void test_cloud_part(const char *given, const char *missing, const char *const environment[]) {
    attempt a;
    char expected[256];
    snprintf(expected, sizeof expected,
             "%s is set, but %s is not; cloud mode needs USER_ID, SUPABASE_URL and SUPABASE_SERVICE_KEY (or "
             "SUPABASE_SERVICE_KEY_B64), a local one none of them",
             given, missing);
    load_with(&a, environment, NULL, false);
    ok(says(&a, ERR_INVALID, expected), "%s", expected);
}

static void test_cloud(void) {
    attempt a;
    char key[SERVICE_KEY_MAX_BYTES];
    diag why;
    load(&a, NULL);
    ok(!a.cfg.is_cloud && strcmp(a.cfg.user_id, "local") == 0, "without its settings there is no cloud");
    config_deinit(&a.cfg);
    const char *user[] = {BASE_ENVIRONMENT, "USER_ID=u", NULL};
    test_cloud_part("USER_ID", "SUPABASE_SERVICE_KEY", user);
    const char *url[] = {BASE_ENVIRONMENT, "SUPABASE_URL=http://x", "SUPABASE_SERVICE_KEY=test_key", NULL};
    test_cloud_part("SUPABASE_SERVICE_KEY", "USER_ID", url);
    const char *keyed[] = {BASE_ENVIRONMENT, CLOUD_USER, "SUPABASE_SERVICE_KEY_B64=dGVzdF9rZXk=", NULL};
    test_cloud_part("SUPABASE_SERVICE_KEY_B64", "SUPABASE_URL", keyed);

    const char *plain[] = {BASE_ENVIRONMENT,
                           "USER_ID=user_test",
                           "SUPABASE_URL=http://localhost:54321/",
                           "SUPABASE_SERVICE_KEY=test_key",
                           "SUPABASE_SERVICE_KEY_B64=b3RoZXI=",
                           NULL};
    load_with(&a, plain, NULL, false);
    ok(a.result == OK && a.cfg.is_cloud && strcmp(a.cfg.supabase_key, "test_key") == 0 &&
           strcmp(a.cfg.supabase_url, "http://localhost:54321") == 0 && strcmp(a.cfg.host, "::") == 0,
       "the original's documented settings are cloud mode, which listens everywhere");
    ok(config_warning_count(&a.cfg) == 1 && strstr(config_warning(&a.cfg, 0), "no UUID"),
       "a user that is no UUID is a warning");
    config_deinit(&a.cfg);

    const char *encoded[] = {BASE_ENVIRONMENT,
                             CLOUD_USER,
                             "SUPABASE_URL=http://x",
                             "SUPABASE_SERVICE_KEY=",
                             "SUPABASE_SERVICE_KEY_B64=dGVzdF9rZXk=",
                             NULL};
    load_with(&a, encoded, NULL, false);
    ok(a.result == OK && strcmp(a.cfg.supabase_key, "test_key") == 0 && config_warning_count(&a.cfg) == 0,
       "a blanked key gives way to the one in Base64");
    config_deinit(&a.cfg);

    const char *wrong[] = {BASE_ENVIRONMENT, CLOUD_USER, "SUPABASE_URL=http://x", "SUPABASE_SERVICE_KEY=" ANON_KEY,
                           NULL};
    load_with(&a, wrong, NULL, false);
    ok(says(&a, ERR_INVALID,
            "SUPABASE_SERVICE_KEY is \"(hidden)\"; expected a key sb_secret_... or the service_role JWT (from the "
            "environment)"),
       "an anon key is refused and not told");

    const char *most[] = {BASE_ENVIRONMENT, CLOUD_USER, "SUPABASE_URL=http://x", NULL};
    put_dotenv("SUPABASE_SERVICE_KEY=first\n");
    load_with(&a, most, NULL, true);
    ok(a.result == OK && strcmp(a.cfg.supabase_key, "first") == 0, "a key of .env");
    put_dotenv("SUPABASE_SERVICE_KEY=second\n");
    ok(config_read_key(&a.cfg, key, &why) == OK && strcmp(key, "second") == 0 &&
           strcmp(a.cfg.supabase_key, "first") == 0,
       "is read again on demand");
    put_dotenv("");
    ok(config_read_key(&a.cfg, key, &why) == ERR_INVALID && strstr(why.text, "SUPABASE_SERVICE_KEY is not"),
       "and missed when it is gone");
    config_deinit(&a.cfg);
}

static void test_amounts(void) {
    static const char *const bad[] = {"-1", "1e3", ".", "1.2.3", "0,5", "1234567890123456"};
    attempt a;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char sentence[160], variable[64];
        snprintf(variable, sizeof variable, "VCPU_HOUR_USD=%s", bad[i]);
        snprintf(
            sentence, sizeof sentence,
            "VCPU_HOUR_USD is \"%s\"; expected a decimal number such as 0.0095, not negative (from the environment)",
            bad[i]);
        refuses(variable, sentence);
    }
    load(&a, "VCPU_HOUR_USD=0.02");
    ok(a.result == OK && a.cfg.vcpu_hour_usd == 0.02, "an amount is exact");
    config_deinit(&a.cfg);
}

static void test_analysis(void) {
    attempt a;
    const char *environment[] = {BASE_ENVIRONMENT,
                                 "AI_DAILY_BUDGET_USD=.5",
                                 "AI_PRICES=google/gemini-3.8-flash=0.75/3.75/0.075, my-own=0/0",
                                 "OPENAI_MODEL=meta/llama-4:free",
                                 "AI_THINKING=low",
                                 NULL};
    load_with(&a, environment, NULL, false);
    ok(a.result == OK && a.cfg.ai_daily_budget_usd == 0.5 && isnan(a.cfg.ai_temperature), "decimals, and none at all");
    ok(a.cfg.ai_prices.count == 2 && a.cfg.ai_thinking == AI_THINKING_LOW &&
           strcmp(a.cfg.openai_model, "meta/llama-4:free") == 0,
       "prices, choices, models");
    char model[96];
    double in, out, cached;
    ok(config_price_parse(a.cfg.ai_prices.items[0], model, sizeof model, &in, &out, &cached) &&
           strcmp(model, "google/gemini-3.8-flash") == 0 && in == 0.75 && out == 3.75 && cached == 0.075,
       "a price with its three numbers");
    ok(config_price_parse("m=2/8", NULL, 0, &in, &out, &cached) && cached == 2,
       "cached tokens cost the same unless it is said");
    config_deinit(&a.cfg);
    refuses("AI_DAILY_BUDGET_USD=-1",
            "AI_DAILY_BUDGET_USD is \"-1\"; expected a number from 0 to 1000000 (from the environment)");
    refuses("AI_DAILY_BUDGET_USD=1e3",
            "AI_DAILY_BUDGET_USD is \"1e3\"; expected a number from 0 to 1000000 (from the environment)");
    refuses("AI_TEMPERATURE=2.1", "AI_TEMPERATURE is \"2.1\"; expected a number from 0 to 2 (from the environment)");
    refuses("AI_TEMPERATURE=.", "AI_TEMPERATURE is \".\"; expected a number from 0 to 2 (from the environment)");
    refuses("GEMINI_MODEL=../../x", "GEMINI_MODEL is \"../../x\"; expected the name of a model, such as "
                                    "gemini-3.8-flash or google/gemini-3.8-flash (from the environment)");
    refuses("GEMINI_API_KEY=a b",
            "GEMINI_API_KEY is \"(hidden)\"; expected a key without blanks (from the environment)");
    static const char *const prices[] = {"m",         "m=",   "m=1",     "m=1/",  "m=/1",   "m=1/2/",
                                         "m=1/2/3/4", "=1/2", "m=1,5/2", "m=a/b", "m=-1/2", "m n=1/2"};
    for (size_t i = 0; i < sizeof prices / sizeof *prices; i++)
        ok(!config_price_parse(prices[i], NULL, 0, &in, &out, &cached), "no price: %s", prices[i]);
}

static void test_machine_id(void) {
    attempt a;
    diag why;
    char first[MACHINE_ID_BYTES], second[MACHINE_ID_BYTES] = "", path[96];
    load(&a, NULL);
    ok(orchestrator_machine_id(&a.cfg, folder, first, &why) == OK && strlen(first) == 32, "a name is made: %s", first);
    ok(orchestrator_machine_id(&a.cfg, folder, second, &why) == OK && strcmp(first, second) == 0, "and kept");
    snprintf(path, sizeof path, "%s/machine_id", folder);
    FILE *file = fopen(path, "w");
    fputs("two words\n", file);
    fclose(file);
    ok(orchestrator_machine_id(&a.cfg, folder, second, &why) == ERR_INVALID && strstr(why.text, path), "%s", why.text);
    unlink(path);
    ok(orchestrator_machine_id(&a.cfg, "/tmp/there/is/no/such/folder", second, &why) == ERR_IO, "%s", why.text);
    config_deinit(&a.cfg);
    load(&a, "MACHINE_ID=mine");
    ok(orchestrator_machine_id(&a.cfg, folder, second, &why) == OK && strcmp(second, "mine") == 0 &&
           access(path, F_OK) != 0,
       "MACHINE_ID wins and is not written");
    config_deinit(&a.cfg);
}

/* The default of TRADERS_DIR depends on the folder that we stand in. */
static void test_traders_dir(void) {
    char path[256], program[128], expected[128];
    const char *environment[] = {BASE_ENVIRONMENT, NULL};
    const char *const made[] = {
        "bin",  "share",    "share/trademind", "share/trademind/lua", "share/trademind/lua/traders",
        "here", "here/lua", "here/lua/traders"};
    const size_t n_made = sizeof made / sizeof *made;
    for (size_t i = 0; i < n_made; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, made[i]);
        if (mkdir(path, 0700) != 0) abort();
    }
    snprintf(program, sizeof program, "%s/bin/trademind", folder);
    snprintf(expected, sizeof expected, "%s/share/trademind/lua/traders", folder);
    config_input input = {.environment = environment, .executable = program, .n_cpus = 1};
    config cfg;
    diag why;
    int before = open(".", O_RDONLY | O_DIRECTORY);
    if (chdir(folder) != 0) abort();
    ok(config_load(&input, &cfg, &why) == OK && strcmp(cfg.traders_dir, expected) == 0,
       "traders beside the program: %s", cfg.traders_dir);
    config_deinit(&cfg);
    if (chdir("here") != 0) abort();
    ok(config_load(&input, &cfg, &why) == OK && strcmp(cfg.traders_dir, "lua/traders") == 0,
       "lua/traders of the current folder comes first");
    config_deinit(&cfg);
    if (fchdir(before) != 0) abort();
    close(before);
    for (size_t i = n_made; i-- > 0;) {
        snprintf(path, sizeof path, "%s/%s", folder, made[i]);
        rmdir(path);
    }
}

int main(void) {
    if (!mkdtemp(folder)) return 2;
    snprintf(dotenv, sizeof dotenv, "%s/.env", folder);
    test_defaults();
    test_derived_defaults();
    test_all_bounds();
    test_messages();
    test_urls();
    test_lists();
    test_precedence();
    test_dotenv();
    test_command_line();
    test_warnings();
    test_cpus();
    test_cloud();
    test_amounts();
    test_analysis();
    test_machine_id();
    test_traders_dir();
    unlink(dotenv);
    ok(rmdir(folder) == 0, "nothing else was left behind");
    return done();
}
