/* One app for each user: Fly's proxy spreads the clients of an app over all its machines, so a machine of another user in it would
 * get this user's browser. */
#include "provision/machine_plan.h"
#include <ctype.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { UUID_CHARS = 36, PORT = 8080, METRICS_PORT = 9091, MB_PER_CPU = 256 };

static bool is_uuid(const char *text) {
    if (strlen(text) != UUID_CHARS) return false;
    for (int i = 0; i < UUID_CHARS; i++) {
        bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (is_dash ? text[i] != '-' : !isxdigit((unsigned char)text[i])) return false;
    }
    return true;
}

/* As Fly takes it: what becomes a host's name. */
static bool is_app(const char *text) {
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
    size_t bytes = strlen(text);
    return bytes > 0 && bytes < PLAN_NAME_BYTES && strspn(text, allowed) == bytes && *text != '-' &&
           text[bytes - 1] != '-';
}

static bool is_listed(const char *word, const char *list) {
    size_t bytes = strchr(word, ',') ? 0 : strlen(word);
    for (const char *at = list; bytes && at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
        if (strncmp(at, word, bytes) == 0 && (at[bytes] == ',' || at[bytes] == 0)) return true;
    return false;
}

err machine_plan_make(const char *user, const char *app, const char *region, long cpus, const char *regions,
                      machine_plan *out, diag *why) {
    *out = (machine_plan){.cpus = (int)cpus, .memory_mb = MB_PER_CPU * (int)cpus, .is_own_app = !*app};
    if (!*region) region = "sin";
    if (!is_uuid(user))
        return diag_set(why, ERR_INVALID, "user \"%.64s\"; expected a UUID, the id of a user of the project", user);
    if (!is_listed(region, regions))
        return diag_set(why, ERR_INVALID, "region \"%.16s\"; expected one of %s", region, regions);
    if (cpus != 1 && cpus != 2 && cpus != 4 && cpus != 8)
        return diag_set(why, ERR_INVALID, "cpus %ld; expected 1, 2, 4 or 8", cpus);
    if (*app && !is_app(app))
        return diag_set(why, ERR_INVALID, "app \"%.64s\"; expected lower-case letters, digits and -, at most 63", app);
    for (int i = 0; i < UUID_CHARS; i++) out->user[i] = (char)tolower((unsigned char)user[i]);
    snprintf(out->region, sizeof out->region, "%s", region);
    if (*app)
        snprintf(out->app, sizeof out->app, "%s", app);
    else
        snprintf(out->app, sizeof out->app, "trademind-screener-%.36s", out->user);
    return OK;
}

const char *machine_plan_warning(const char *region) {
    static const char *const us[] = {"iad", "ord", "lax", "sjc", "dfw", "ewr",
                                     "den", "mia", "sea", "atl", "bos", "phx"};
    for (size_t i = 0; i < sizeof us / sizeof *us; i++)
        if (strcmp(region, us[i]) == 0)
            return "Binance refuses addresses of the United States (HTTP 451): there will be no candles in this region";
    return NULL;
}

void machine_plan_health_url(const char *app, const char *proxy, char out[PLAN_URL_BYTES]) {
    if (*proxy)
        snprintf(out, PLAN_URL_BYTES, "%.150s/%.63s/health", proxy, app);
    else
        snprintf(out, PLAN_URL_BYTES, "https://%.63s.fly.dev/health", app);
}

/* ---- bodies ---- */

static json_t *environment(const machine_plan *p, const machine_settings *s) {
    char cpus[16], memory[16];
    snprintf(cpus, sizeof cpus, "%d", p->cpus);
    snprintf(memory, sizeof memory, "%d", p->memory_mb);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "USER_ID", p->user, "MACHINE_ID", p->app, "MACHINE_REGION",
                     p->region, "MACHINE_CPUS", cpus, "MACHINE_MEMORY", memory, "SUPABASE_URL", s->supabase_url,
                     "SCALE_MACHINE", "on");
}

static json_t *services(void) {
    return json_pack("[{s:s, s:i, s:s, s:b, s:[{s:i, s:[s], s:b}, {s:i, s:[s, s]}], s:{s:s, s:i, s:i}}]", "protocol",
                     "tcp", "internal_port", PORT, "autostop", "off", "autostart", 1, "ports", "port", 80, "handlers",
                     "http", "force_https", 1, "port", 443, "handlers", "tls", "http", "concurrency", "type",
                     "connections", "soft_limit", 200, "hard_limit", 250);
}

static json_t *checks(void) {
    return json_pack("{s:{s:s, s:i, s:s, s:s, s:s, s:s, s:s}}", "health", "type", "http", "port", PORT, "path",
                     "/health", "method", "GET", "interval", "15s", "timeout", "5s", "grace_period", "30s");
}

char *machine_plan_create_body(const machine_plan *p, const machine_settings *s) {
    json_t *config = json_pack(
        "{s:s, s:o, s:o, s:o, s:{s:i, s:s}, s:{s:s}, s:{s:s, s:s}, s:{s:s, s:i, s:i}, s:[{s:s, s:s}], s:{s:s, s:s}}",
        "image", s->image, "env", environment(p, s), "services", services(), "checks", checks(), "metrics", "port",
        METRICS_PORT, "path", "/metrics", "restart", "policy", "always", "stop_config", "signal", "SIGINT", "timeout",
        "10s", "guest", "cpu_kind", "shared", "cpus", p->cpus, "memory_mb", p->memory_mb, "mounts", "volume", s->volume,
        "path", "/data", "metadata", "trademind_user", p->user, "managed_by", "trademind");
    json_t *body = config ? json_pack("{s:s, s:s, s:o}", "name", p->app, "region", p->region, "config", config) : NULL;
    if (body && s->secrets_version > 0)
        json_object_set_new(body, "min_secrets_version", json_integer((json_int_t)s->secrets_version));
    char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    json_decref(body);
    return text;
}

/* Fly has been seen to blank a JWT that passes through its API; in Base64 it comes through. */
char *machine_plan_secrets_body(const char *service_key, const char *gemini_key) {
    size_t bytes = strlen(service_key);
    char *base64 = malloc(4 * (bytes / 3 + 1) + 1), *text = NULL;
    json_t *values = NULL, *body = NULL;
    if (!base64) return NULL;
    EVP_EncodeBlock((unsigned char *)base64, (const unsigned char *)service_key, (int)bytes);
    values = json_pack("{s:s, s:s}", "SUPABASE_SERVICE_KEY", service_key, "SUPABASE_SERVICE_KEY_B64", base64);
    if (values && *gemini_key) json_object_set_new(values, "GEMINI_API_KEY", json_string(gemini_key));
    body = values ? json_pack("{s:o}", "values", values) : NULL;
    text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    json_decref(body);
    memset(base64, 0, strlen(base64));
    free(base64);
    return text;
}
