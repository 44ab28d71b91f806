/* One setter per option, found by name: an option is added in the table and in the help, nowhere else. */
#include "sim/options.h"
#include "base/time_text.h"
#include "sim/venue.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MINUTE_MS = 60000, MOST_HOSTS = 16 };

static const char help[] =
    "exchange-sim: Binance's market data over REST and WebSocket, from recordings or a seeded model\n"
    "\n"
    "  --data DIR        recorded klines, files SYMBOL-INTERVAL.csv[.gz]; without it: the market model\n"
    "  --symbols LIST    names such as BTCUSDT,ETHUSDT; for the model also a number (default: all; model 40)\n"
    "  --from T          where the market stands at the start (default: the first bar; model 2026-01-05)\n"
    "  --to T            where it ends (default: after the last bar; model: never)\n"
    "                    T: 2026-02-03, 2026-02-03T14:05:00Z or Unix ms; bars before --from are history only\n"
    "  --speed N|max     market seconds per second (default 1); max waits for the slowest listener, and stands\n"
    "                    while nobody listens, or 10 s at most for streams that a fault took from all who listened\n"
    "  --stand on        stand so at any speed\n"
    "  --start now       do not wait for the first client (default: the clock stands at --from until the first\n"
    "                    request for the time or the first WebSocket connection)\n"
    "  --updates N       forming updates of every bar before its close (default 3)\n"
    "  --seed S          of the market model (default 1)\n"
    "  --host H          address to listen on (default 127.0.0.1)\n"
    "  --port N          0: any free one (default)\n"
    "  --hosts N         as many ports, N, N + 1 ..., that serve the same exchange as its hosts 1, 2 ... (default 1)\n"
    "  --scene FILE      what goes wrong and when, such as at 10m drop all; see below, and spec/scenes\n"
    "  --faults SEED[,N] a random fault in N minutes of market time on average (default 5), up to 30 minutes before\n"
    "                    --to or the end of the data, so that clients can catch up; none that changes the market\n"
    "  --control on      lines of a scene, without their time, are read from stdin and done at once\n"
    "  --stay S          seconds for which the exchange goes on serving REST after the end while clients still ask\n"
    "                    (default 10); stopped: until it is stopped\n"
    "  --market M        spot (default) or usdm, USD-M futures: /fapi/v1, WebSocket paths behind /market and /public,\n"
    "                    2400 of weight a minute, 10 messages a second, pings every 3 minutes\n"
    "  --legacy-paths on usdm also takes /ws and /stream without /market or /public\n"
    "  --ping-every MS   server pings on WebSocket connections (default 20000; usdm 180000)\n"
    "  --pong-within MS  a connection whose pong takes longer is closed (default 60000; usdm 600000)\n"
    "  --log LEVEL       debug, info, warn or error (default info)\n"
    "  --log-format F    human or json (default: human on a terminal)\n"
    "\n"
    "A line of a scene: WHEN WHAT [TO WHOM] [HOW]; # begins a comment\n"
    "  at 10m, at 10m..20m (drawn from --seed), every 5m [from 10m] [until 1h]: market time after --from\n"
    "  drop, silence, half-open, shutdown, malformed KIND [all|random|SYMBOL] [for 5m] [after 10s] [host 1]\n"
    "  gap, hole, no-close, correct SYMBOL|random|all 3 bars [of 5m] [after 2m]\n"
    "  duplicate, reorder SYMBOL|random|all [for 5m]; delist, list SYMBOL|random\n"
    "  rest 404|429|418|403|451|5xx|slow 3s|cut|corrupt [to klines|dumps|archives] [for 5m|for 5 requests]\n"
    "       [retry-after 2s] [host 1]\n"
    "  KIND: cut, garbage, empty, not-utf8, binary, wrong-types, no-fields, nan, negative, deep, oversized, "
    "other-event\n"
    "  skew 3s [for 5m], lifetime 1h, connect-limit 5; clear ends what lasts\n"
    "\n"
    "JSON lines on stdout: when it listens, {\"event\":\"listening\",\"port\":N,\"ports\":[N,...],...}, at each fault\n"
    "({\"event\":\"fault\",...}, {\"event\":\"fault_over\",...}) and when the data has\n"
    "ended ({\"event\":\"market_ended\",...}, {\"event\":\"delivered\",...} when all of it has left for the clients, "
    "and\n"
    "{\"event\":\"ended\",...} before it exits).\n"
    "Beside REST and WebSockets it serves the public dumps of klines, /data/spot/monthly/klines/... and daily, and\n"
    "those of /data/futures/um.\n"
    "Exit codes: 0 ended or stopped by a signal, 1 failed, 2 usage.\n";

typedef err (*set_fn)(const char *value, options *out, diag *why);

static err set_data(const char *value, options *out, diag *why);
static err set_symbols(const char *value, options *out, diag *why);
static err set_from(const char *value, options *out, diag *why);
static err set_to(const char *value, options *out, diag *why);
static err set_speed(const char *value, options *out, diag *why);
static err set_stand(const char *value, options *out, diag *why);
static err set_start(const char *value, options *out, diag *why);
static err set_updates(const char *value, options *out, diag *why);
static err set_seed(const char *value, options *out, diag *why);
static err set_host(const char *value, options *out, diag *why);
static err set_port(const char *value, options *out, diag *why);
static err set_ping(const char *value, options *out, diag *why);
static err set_pong(const char *value, options *out, diag *why);
static err set_market(const char *value, options *out, diag *why);
static err set_legacy(const char *value, options *out, diag *why);
static err set_hosts(const char *value, options *out, diag *why);
static err set_scene(const char *value, options *out, diag *why);
static err set_faults(const char *value, options *out, diag *why);
static err set_control(const char *value, options *out, diag *why);
static err set_stay(const char *value, options *out, diag *why);
static err set_log(const char *value, options *out, diag *why);
static err set_log_format(const char *value, options *out, diag *why);

static const struct option {
    const char *name;
    set_fn set;
} table[] = {
    {"--data", set_data},
    {"--symbols", set_symbols},
    {"--from", set_from},
    {"--to", set_to},
    {"--speed", set_speed},
    {"--stand", set_stand},
    {"--start", set_start},
    {"--updates", set_updates},
    {"--seed", set_seed},
    {"--host", set_host},
    {"--port", set_port},
    {"--ping-every", set_ping},
    {"--pong-within", set_pong},
    {"--market", set_market},
    {"--legacy-paths", set_legacy},
    {"--hosts", set_hosts},
    {"--scene", set_scene},
    {"--faults", set_faults},
    {"--control", set_control},
    {"--stay", set_stay},
    {"--log", set_log},
    {"--log-format", set_log_format},
};
enum { N_OPTIONS = sizeof table / sizeof table[0] };

err options_parse(int argc, char **argv, options *out, diag *why) {
    *out = (options){.from_ms = INT64_MIN,
                     .to_ms = INT64_MAX,
                     .speed = 1,
                     .seed = 1,
                     .n_updates = 3,
                     .host = "127.0.0.1",
                     .n_hosts = 1,
                     .faults_every_ms = 5 * MINUTE_MS,
                     .stay_ms = 10000,
                     .venue = venue_find("spot"),
                     .level = LOG_INFO,
                     .format = LOG_AUTO};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            out->wants_help = true;
            return OK;
        }
        const struct option *found = NULL;
        for (int k = 0; k < N_OPTIONS; k++)
            if (strcmp(argv[i], table[k].name) == 0) found = &table[k];
        if (!found) return diag_set(why, ERR_INVALID, "found %s; expected an option of --help", argv[i]);
        if (i + 1 == argc) return diag_set(why, ERR_INVALID, "%s stands alone; expected a value after it", argv[i]);
        err e = found->set(argv[++i], out, why);
        if (e != OK) return e;
    }
    if (out->ping_every_ms == 0) out->ping_every_ms = out->venue->ping_every_ms;
    if (out->pong_within_ms == 0) out->pong_within_ms = out->venue->pong_within_ms;
    if (out->from_ms != INT64_MIN && out->to_ms <= out->from_ms)
        return diag_set(why, ERR_INVALID, "--to is not after --from; expected a later time");
    return OK;
}

const char *options_help(void) { return help; }

static err refuse(diag *why, const char *name, const char *value, const char *expected) {
    return diag_set(why, ERR_INVALID, "%s is \"%.200s\"; expected %s", name, value, expected);
}

static bool read_integer(const char *value, int64_t least, int64_t most, int64_t *out) {
    char *end;
    size_t bytes = strlen(value);
    if (bytes == 0 || bytes > 18 || strspn(value, "0123456789") != bytes) return false;
    *out = strtoll(value, &end, 10);
    return *out >= least && *out <= most;
}

static err set_data(const char *value, options *out, diag *why) {
    (void)why;
    out->data = value;
    return OK;
}

static err set_symbols(const char *value, options *out, diag *why) {
    out->symbols = value;
    return *value ? OK : refuse(why, "--symbols", value, "names such as BTCUSDT,ETHUSDT");
}

static err set_from(const char *value, options *out, diag *why) {
    return time_text_parse(value, &out->from_ms) == OK ? OK : refuse(why, "--from", value, TIME_TEXT_EXPECTED);
}

static err set_to(const char *value, options *out, diag *why) {
    return time_text_parse(value, &out->to_ms) == OK ? OK : refuse(why, "--to", value, TIME_TEXT_EXPECTED);
}

static err set_speed(const char *value, options *out, diag *why) {
    char *end;
    if (strcmp(value, "max") == 0) {
        out->speed = 0;
        return OK;
    }
    out->speed = strtod(value, &end);
    bool is_good = end != value && !*end && out->speed >= 0.001 && out->speed <= 1e6;
    return is_good ? OK : refuse(why, "--speed", value, "0.001..1000000, or max");
}

static err set_start(const char *value, options *out, diag *why) {
    out->starts_now = strcmp(value, "now") == 0;
    return out->starts_now ? OK : refuse(why, "--start", value, "now");
}

static err set_updates(const char *value, options *out, diag *why) {
    int64_t n;
    if (!read_integer(value, 0, 600, &n)) return refuse(why, "--updates", value, "0..600");
    out->n_updates = (uint32_t)n;
    return OK;
}

static err set_seed(const char *value, options *out, diag *why) {
    int64_t n;
    if (!read_integer(value, 0, INT64_MAX, &n)) return refuse(why, "--seed", value, "a whole number");
    out->seed = (uint64_t)n;
    return OK;
}

static err set_host(const char *value, options *out, diag *why) {
    out->host = value;
    return *value ? OK : refuse(why, "--host", value, "an address");
}

static err set_port(const char *value, options *out, diag *why) {
    int64_t n;
    if (!read_integer(value, 0, 65535, &n)) return refuse(why, "--port", value, "0..65535");
    out->port = (int)n;
    return OK;
}

static err set_market(const char *value, options *out, diag *why) {
    out->venue = venue_find(value);
    return out->venue ? OK : refuse(why, "--market", value, "spot or usdm");
}

static err set_stand(const char *value, options *out, diag *why) {
    out->stands = strcmp(value, "on") == 0;
    return out->stands ? OK : refuse(why, "--stand", value, "on");
}

static err set_legacy(const char *value, options *out, diag *why) {
    out->takes_legacy_paths = strcmp(value, "on") == 0;
    return out->takes_legacy_paths ? OK : refuse(why, "--legacy-paths", value, "on");
}

static err set_hosts(const char *value, options *out, diag *why) {
    int64_t n;
    if (!read_integer(value, 1, MOST_HOSTS, &n)) return refuse(why, "--hosts", value, "1..16");
    out->n_hosts = (int)n;
    return OK;
}

static err set_scene(const char *value, options *out, diag *why) {
    out->scene = value;
    return *value ? OK : refuse(why, "--scene", value, "a file");
}

/* SEED or SEED,MINUTES */
static err set_faults(const char *value, options *out, diag *why) {
    char seed[32];
    int64_t n, minutes = 5;
    size_t bytes = strcspn(value, ",");
    bool is_good = bytes < sizeof seed;
    snprintf(seed, sizeof seed, "%.*s", (int)bytes, value);
    is_good = is_good && read_integer(seed, 0, INT64_MAX, &n) &&
              (!value[bytes] || read_integer(value + bytes + 1, 1, 10000, &minutes));
    if (!is_good) return refuse(why, "--faults", value, "a seed, or a seed and minutes such as 7,5");
    out->has_faults = true;
    out->faults_seed = (uint64_t)n;
    out->faults_every_ms = minutes * MINUTE_MS;
    return OK;
}

static err set_control(const char *value, options *out, diag *why) {
    out->has_control = strcmp(value, "on") == 0;
    return out->has_control ? OK : refuse(why, "--control", value, "on");
}

static err set_stay(const char *value, options *out, diag *why) {
    int64_t n;
    out->stay_ms = INT64_MAX;
    if (strcmp(value, "stopped") == 0) return OK;
    if (!read_integer(value, 0, 86400, &n)) return refuse(why, "--stay", value, "0..86400 seconds, or stopped");
    out->stay_ms = n * 1000;
    return OK;
}

static err set_ping(const char *value, options *out, diag *why) {
    return read_integer(value, 10, 3600000, &out->ping_every_ms) ? OK
                                                                 : refuse(why, "--ping-every", value, "10..3600000");
}

static err set_pong(const char *value, options *out, diag *why) {
    return read_integer(value, 10, 3600000, &out->pong_within_ms) ? OK
                                                                  : refuse(why, "--pong-within", value, "10..3600000");
}

static err set_log(const char *value, options *out, diag *why) {
    static const char *const names[] = {
        [LOG_DEBUG] = "debug", [LOG_INFO] = "info", [LOG_WARN] = "warn", [LOG_ERROR] = "error"};
    for (int i = LOG_DEBUG; i <= LOG_ERROR; i++)
        if (strcmp(value, names[i]) == 0) {
            out->level = (log_level)i;
            return OK;
        }
    return refuse(why, "--log", value, "debug, info, warn or error");
}

static err set_log_format(const char *value, options *out, diag *why) {
    if (strcmp(value, "human") == 0)
        out->format = LOG_HUMAN;
    else if (strcmp(value, "json") == 0)
        out->format = LOG_JSON;
    else
        return refuse(why, "--log-format", value, "human or json");
    return OK;
}
