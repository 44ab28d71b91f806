/* What a user's machine at Fly is to be: names, addresses and configuration. Pure. */
#pragma once
#include "base/errors.h"
#include <stddef.h>

enum { PLAN_NAME_BYTES = 64, PLAN_URL_BYTES = 256 };

typedef struct machine_plan {
    char user[PLAN_NAME_BYTES]; /* a UUID, lower case */
    char app[PLAN_NAME_BYTES], region[8];
    int cpus, memory_mb;
    bool is_own_app; /* made for this user alone */
} machine_plan;

/* "" for `app` and `region`: the user's own app, "sin". ERR_INVALID with a sentence: no UUID, a region that is not among
 * `regions` (with commas), CPUs other than 1, 2, 4, 8, a name that is none. */
MUST_CHECK err machine_plan_make(const char *user, const char *app, const char *region, long cpus, const char *regions,
                                 machine_plan *out, diag *why);
/* Binance is known to refuse what comes from there; NULL: not known. */
const char *machine_plan_warning(const char *region);
/* An address without a slash at the end that stands for https://APP.fly.dev; "": that one. */
void machine_plan_health_url(const char *app, const char *proxy, char out[PLAN_URL_BYTES]);

typedef struct machine_settings {
    const char *image, *volume; /* the volume's id */
    const char *supabase_url;
    double secrets_version; /* least version of the app's secrets; 0: none */
} machine_settings;

/* The bodies of FLY_CREATE and FLY_SECRETS_SET. NULL: no memory. The caller frees them; the second holds secrets. */
char *machine_plan_create_body(const machine_plan *plan, const machine_settings *settings);
char *machine_plan_secrets_body(const char *service_key, const char *gemini_key);
