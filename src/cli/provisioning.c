/* See provisioning.h. */
#include "cli/provisioning.h"

err provisioning_load(settings *s, const char *user, config *cfg, diag *why) {
    err e = settings_set(s, "USER_ID", user, why);
    if (e == OK) e = settings_load(s, cfg, why);
    if (e != OK) return e;
    if (!cfg->is_cloud)
        e = diag_set(why, ERR_INVALID,
                     "SUPABASE_URL and SUPABASE_SERVICE_KEY are needed: users and their machines stand there");
    else if (!*cfg->fly_api_token)
        e = diag_set(why, ERR_INVALID, "FLY_API_TOKEN is needed; fly tokens create org makes one");
    if (e != OK) config_deinit(cfg);
    return e;
}

void provisioning_context(const config *cfg, provision_context *out) {
    *out = (provision_context){.services = {.fly_url = cfg->fly_api_url,
                                            .fly_token = cfg->fly_api_token,
                                            .supabase_url = cfg->supabase_url,
                                            .supabase_key = cfg->supabase_key},
                               .org = cfg->fly_org,
                               .image = cfg->provision_image,
                               .regions = cfg->provision_regions,
                               .gemini_key = cfg->gemini_api_key,
                               .proxy = cfg->provision_proxy_url,
                               .health_by_ms = cfg->provision_health_s * 1000};
}
