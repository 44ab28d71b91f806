#include "analyzer/analyzer_setup.h"
#include <string.h>

enum { ATTEMPTS_MAX = 4, MINUTE_MS = 60000 };

bool analyzer_setup_is_on(const config *cfg) { return *cfg->gemini_api_key || *cfg->openai_base_url; }

static void add_gemini(const config *cfg, analyzer_config *out) {
    if (!*cfg->gemini_api_key) return;
    out->providers[out->limits.n_providers++] =
        (provider){PROVIDER_GEMINI, cfg->gemini_base_url, cfg->gemini_api_key, cfg->gemini_model};
}

static err add_openai(const config *cfg, analyzer_config *out, diag *why) {
    if (!*cfg->openai_base_url) return OK;
    if (!*cfg->openai_model)
        return diag_set(why, ERR_INVALID,
                        "OPENAI_MODEL is missing: OPENAI_BASE_URL is set; expected the name of a model of that server");
    out->providers[out->limits.n_providers++] =
        (provider){PROVIDER_OPENAI, cfg->openai_base_url, cfg->openai_api_key, cfg->openai_model};
    return OK;
}

err analyzer_setup(const config *cfg, analyzer_config *out, diag *why) {
    static const char *const thinking[] = {NULL, "off", "low", "medium", "high"};
    err e;
    *out =
        (analyzer_config){.limits = {.concurrency = (int32_t)cfg->ai_concurrency,
                                     .queue_max = (int32_t)cfg->ai_queue_max,
                                     .attempts_max = ATTEMPTS_MAX,
                                     .max_age_ms = cfg->ai_max_age_min * MINUTE_MS,
                                     .requests_per_minute = cfg->ai_requests_per_minute,
                                     .tokens_per_minute = cfg->ai_tokens_per_minute,
                                     .day = {cfg->ai_daily_requests, cfg->ai_daily_tokens, cfg->ai_daily_budget_usd}},
                          .manner = {.temperature = cfg->ai_temperature,
                                     .thinking = thinking[cfg->ai_thinking],
                                     .max_output_tokens = cfg->ai_max_output_tokens,
                                     .prices = (const char *const *)cfg->ai_prices.items,
                                     .n_prices = cfg->ai_prices.count,
                                     .needs_prices = cfg->ai_daily_budget_usd > 0},
                          .timeout_ms = cfg->ai_timeout_ms,
                          .looks_max = (int32_t)cfg->ai_reanalyse_max,
                          .user_agent = "trademind/" TRADEMIND_VERSION};
    if (cfg->ai_provider == AI_GEMINI) add_gemini(cfg, out);
    e = add_openai(cfg, out, why);
    if (cfg->ai_provider == AI_OPENAI) add_gemini(cfg, out);
    return e;
}
